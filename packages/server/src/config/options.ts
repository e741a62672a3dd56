import {
  type AnySpec,
  type Checker,
  custom,
  duration,
  groupSchema,
  list,
  type Members,
  proxyOptions,
  record,
  resolve,
  type SettingsOf,
} from 'sluiceway/options';
import { accessOption } from '../access/access-option.js';
import { adminOption } from './admin-options.js';
import { defaultOptions, type WrittenOptions } from './library-options.js';
import { listenerOption, sharedTlsOption } from './listener-options.js';
import { logOption } from './log-options.js';
import { routeOption } from './route-options.js';
import { storeOption } from './store-option.js';
import { workersOption } from './workers-option.js';

/** A destination with all of its options: the form of `upstream` that is an object. */
const upstreamObject = proxyOptions.upstream.choices?.find(({ members }) => members !== undefined) as AnySpec;

const defaultMembers: Members = {
  ...defaultOptions,
  access: accessOption('Who has access to routes without `access` of their own. Without it, everyone has.'),
};

/** Everything that a configuration file can have. */
const configOptions = {
  listeners: list(listenerOption, {
    required: true,
    doc: 'Where the server accepts connections: see [listeners](#listeners).',
  }),
  tls: sharedTlsOption,
  upstreams: record(upstreamObject, {
    doc: 'Destinations by name, for the `upstream` of routes: see [the upstream](options.md#the-upstream).',
  }),
  defaults: custom<WrittenOptions, WrittenOptions>({
    type: 'object',
    members: defaultMembers,
    schema: groupSchema(defaultMembers),
    doc: 'Options for all routes. A route has its own in place of each; groups such as `timeouts` are merged option by option.',
    read: (check, path, value) => {
      const before = check.problems.length;
      resolve(defaultMembers, value, check, path);
      // Drop defaults with problems: otherwise each route would report them again.
      return check.problems.length > before || value === undefined ? {} : (value as WrittenOptions);
    },
  }),
  routes: list(routeOption, { required: true, doc: 'What is served: see [routes](#routes).' }),
  admin: adminOption,
  log: logOption,
  workers: workersOption,
  store: storeOption,
  drainDelay: duration({
    default: 0,
    doc: 'How long the server still accepts connections when it stops, while `/readyz` and `health: ready` answer 503: the time that load balancers need to notice. `drainTimeout` begins after it.',
  }),
  drainTimeout: duration({
    default: '30s',
    doc: 'How long running transfers may take to finish when the server stops.',
  }),
};

export interface ConfigValues extends SettingsOf<typeof configOptions> {}

/** For code that only reads the description. */
export const configMembers: Members = configOptions;

export function resolveConfig(value: unknown, check: Checker): ConfigValues {
  return resolve(configOptions, value, check);
}
