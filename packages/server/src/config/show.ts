import { stringify } from 'yaml';
import { effectiveConfig } from './effective-config.js';

/** The effective configuration in YAML. */
export const showConfig = (written: unknown, order: readonly number[]): string =>
  stringify(effectiveConfig(written, order), { aliasDuplicateObjects: false, lineWidth: 0 });
