import type { Members } from './options/spec.js';
import { proxyOptions } from './proxy/options/proxy-options.js';

export { listOptions, type Place } from './options/composites.js';
export type { JsonSchema } from './options/json-schema.js';
export type { AnySpec, Members, OptionKind, Spec } from './options/spec.js';
export { findSpec, OFF } from './options/spec.js';
export { toJsonSchema } from './options/to-json-schema.js';
export { proxyOptions };

/** The options that the documents have tables of, by the function that takes them. */
export const documentedOptions: Readonly<Record<'createProxy', Members>> = {
  createProxy: proxyOptions,
};
