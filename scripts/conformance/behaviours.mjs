// The behaviours that the titles of collected or run tests state.
import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from '../support.mjs';
import { compareRows, readRows } from './rows.mjs';
import { readTitles } from './titles.mjs';

/** @import { TestCase, TestModule } from 'vitest/node' */
/** @import { Behaviour } from './list.mjs' */

/** The projects whose tests are about the behaviour of Sluiceway. */
export const projects = ['source', 'alone'];

/**
 * @param {readonly TestModule[]} modules
 * @returns {{ behaviours: Behaviour[], problems: string[] }}
 */
export function readBehaviours(modules) {
  /** @type {Behaviour[]} */
  const behaviours = [];
  /** @type {string[]} */
  const problems = [];
  for (const module of modules) {
    if (!projects.includes(module.project.name)) continue;
    const file = relative(root, module.moduleId).replaceAll(sep, '/');
    for (const test of module.children.allTests()) {
      const read = readTitles(titlesOf(test));
      problems.push(...read.problems.map((problem) => `${file}: ${problem}`));
      if (read.behaviour !== null) behaviours.push({ ...read.behaviour, file });
    }
  }
  return { behaviours, problems };
}

export const readPage = () => readRows(readFileSync(join(root, 'docs/conformance.md'), 'utf8'));

/**
 * @param {readonly TestModule[]} modules Of all tests.
 * @returns {string[]} one line for each source that is none, and for each difference from docs/conformance.md
 */
export function findProblems(modules) {
  const { behaviours, problems } = readBehaviours(modules);
  return [...problems, ...compareRows(readPage(), behaviours)];
}

/**
 * @param {TestCase} test
 * @returns {string[]}
 */
function titlesOf(test) {
  const titles = [test.name];
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name);
  return titles;
}
