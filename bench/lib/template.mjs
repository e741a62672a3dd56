// @ts-check
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** @import { Lab } from './types.mjs' */

/**
 * Fills a checked-in configuration with this run's ports and paths.
 *
 * @param {string} dir  that the result is written to
 * @param {URL} template
 * @param {Record<string, string | number>} values
 */
export async function writeFromTemplate(dir, template, values) {
  const text = (await readFile(template, 'utf8')).replaceAll(
    /\{\{(\w+)\}\}/g,
    (_, /** @type {string} */ name) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${path.basename(template.pathname)}: no value for ${name}`);
      return String(value);
    },
  );
  const file = path.join(dir, `${values['name'] ?? 'config'}-${path.basename(template.pathname)}`);
  await writeFile(file, text);
  return file;
}
