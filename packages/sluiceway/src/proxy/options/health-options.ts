import { Checker } from '../../options/checker.js';
import { either, group, list } from '../../options/composites.js';
import { duration, integer, oneOf, string } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf, Spec } from '../../options/spec.js';
import type { HealthSettings } from '../../upstream/group/health/health-checks.js';

const pathOption = string({
  pattern: /^\/[\x21-\x7e]*$/,
  message: 'must begin with / and have no spaces',
  default: '/',
  doc: 'The path that is requested with GET, with a query if it has one. It is not joined to the path of the URL.',
});

const healthMembers = {
  /**
   * What is checked: a response to a request, or only that a TCP connection can be made. Default: `'http'`.
   */
  check: oneOf(['http', 'tcp'], {
    default: 'http',
    doc: 'What is checked: a response to a request, or only that a TCP connection can be made.',
  }),
  /**
   * The path that is requested with GET, with a query if it has one. It is not joined to the path of the URL.
   * Default: `/`.
   */
  path: pathOption,
  /** The port that is checked. Default: that of the server. */
  port: integer({
    min: 1,
    max: 65_535,
    defaultText: 'that of the server',
    doc: 'The port that is checked.',
  }),
  /** Statuses that a healthy server answers with. Default: any from 200 to 399. */
  statuses: list(integer({ min: 200, max: 599 }), {
    type: 'list of statuses',
    defaultText: 'any from 200 to 399',
    doc: 'Statuses that a healthy server answers with.',
  }),
  /** Text that the first 64 KiB of the content contain. Default: none. */
  content: string({ doc: 'Text that the first 64 KiB of the content contain.' }),
  /** Time between the checks of a server, up to a tenth more or less at random. Default: `5s`. */
  interval: duration({
    default: '5s',
    min: 1,
    doc: 'Time between the checks of a server, up to a tenth more or less at random.',
  }),
  /** Time for one check, including the connection. Default: `2s`. */
  timeout: duration({ default: '2s', min: 1, doc: 'Time for one check, including the connection.' }),
  /** Good checks in a row after which a server that was down gets requests again. Default: `2`. */
  rise: integer({
    default: 2,
    min: 1,
    doc: 'Good checks in a row after which a server that was down gets requests again.',
  }),
  /** Failed checks in a row after which a server is down. Default: `3`. */
  fall: integer({ default: 3, min: 1, doc: 'Failed checks in a row after which a server is down.' }),
};

export interface HealthOptions extends OptionsOf<typeof healthMembers> {}
export interface HealthValues extends SettingsOf<typeof healthMembers> {}

const healthGroup = group<HealthOptions, HealthValues>(healthMembers, {});

const pathOrGroup = either(pathOption, healthGroup, {
  type: 'path or object',
  takesSecond: (value) => typeof value !== 'string',
  doc: 'Whether servers are checked at intervals: see [health checks](balancing.md#health-checks). A path, such as `/healthz`, or an object with the options there.',
});

/** Absent: servers are not checked. */
export const healthOption: Spec<string | HealthOptions, string | HealthValues | undefined, false> = {
  ...pathOrGroup,
  required: false,
  read: (check, path, value) => (value === undefined ? undefined : pathOrGroup.read(check, path, value)),
};

/** Null if servers are not checked. */
export function toHealthSettings(given: string | HealthValues | undefined): HealthSettings | null {
  if (given === undefined) return null;
  const values =
    typeof given === 'string' ? { ...healthGroup.read(new Checker(''), '', undefined), path: given } : given;
  const statuses = values.statuses === undefined ? null : new Set(values.statuses);
  return {
    path: values.check === 'tcp' ? null : values.path,
    port: values.port,
    timeoutMs: values.timeout,
    isExpected: (status) => statuses?.has(status) ?? (status >= 200 && status < 400),
    content: values.content,
    intervalMs: values.interval,
    rise: values.rise,
    fall: values.fall,
  };
}
