import {
  type AnySpec,
  boolean,
  type Checker,
  custom,
  gatewayOptions,
  groupSchema,
  type JsonSchema,
  type Members,
  membersOf,
  oneOf,
  proxyOptions,
} from 'sluiceway/options';

/** Options of the library that a file cannot have, with the reason. A test compares this list. */
const exceptions: Readonly<Record<string, string>> = {
  access: 'a function; routes have `access` of their own',
  errors: 'a server answers every request',
};

/** The name of an upstream, or the library's own option. */
const upstreamOption: AnySpec = {
  ...proxyOptions.upstream,
  type: 'name, URL or object',
  doc: 'Where requests go: a name in the top-level `upstreams`, a URL, or an object as there.',
};

/** The name of a profile. Profiles that are objects contain sets of names, which a file cannot hold. */
const profileOption = oneOf(['passThrough', 'thirdParty'], {
  default: 'passThrough',
  doc: proxyOptions.profile.doc,
});

/** The options of the library that a file can have. */
const inFile = (members: Members): Members =>
  Object.fromEntries(
    Object.entries(members).filter(
      ([name, spec]) => spec.schema() !== null && exceptions[name] === undefined,
    ),
  );

/** A server gives requests an id, unless it is told not to. */
const requestIdOption: AnySpec = {
  ...proxyOptions.requestId,
  default: true,
  defaultText: '`true`',
  doc: proxyOptions.requestId.doc.replace(
    / Without this option.*$/,
    ' `false`: fields pass as any other field.',
  ),
};

/** The configuration says whether to trace; the objects that trace are the server's. */
const tracingOption = boolean({
  default: false,
  doc: 'Trace transfers with OpenTelemetry. Requires the package `@opentelemetry/api` and an SDK, which `node --import` loads: see [tracing](server.md#tracing).',
});

/** Options that a server sets unless a configuration does. */
export const serverDefaults: WrittenOptions = { requestId: true };

export const fileProxyOptions: Members = {
  ...inFile(proxyOptions),
  requestId: requestIdOption,
  tracing: tracingOption,
  upstream: upstreamOption,
  profile: profileOption,
};

export const fileGatewayOptions: Members = {
  ...inFile(gatewayOptions),
  requestId: requestIdOption,
  tracing: tracingOption,
};

/** The options that make sense for all routes. A gateway uses those that it has. */
export const defaultOptions: Members = Object.fromEntries(
  Object.entries(fileProxyOptions).filter(([name]) => !['upstream', 'profile'].includes(name)),
);

/** Options as written. The library checks each of them when it creates the route. */
export type WrittenOptions = Readonly<Record<string, unknown>>;

/** A group of options of the library. Unknown keys are reported here, other problems when the route is created. */
export const writtenOption = (members: Members, doc: string, required: readonly string[] = []) =>
  custom<WrittenOptions, WrittenOptions | undefined>({
    type: 'object',
    doc,
    members,
    schema: withRequired(groupSchema(members), required),
    read: (check: Checker, path, value) => {
      if (value === undefined) return undefined;
      check.unknownKeys(path, value, Object.keys(members));
      if (isObject(value) && members['profile'] === profileOption)
        profileOption.read(check, `${path}.profile`, value['profile']);
      return value as WrittenOptions;
    },
  });

const withRequired = (schema: JsonSchema, required: readonly string[]): JsonSchema =>
  required.length === 0 ? schema : { ...schema, required };

/**
 * The options of a route, completed with the `defaults` that exist in its `members`. Groups are merged option by option.
 * Any other option of the route replaces the default.
 */
export function withDefaults(
  members: Members,
  defaults: WrittenOptions,
  own: WrittenOptions,
): WrittenOptions {
  const merged: Record<string, unknown> = { ...own };
  for (const [name, fallback] of Object.entries(defaults)) {
    const spec = Object.hasOwn(members, name) ? members[name] : undefined;
    if (spec === undefined) continue;
    const inner = membersOf(spec);
    const value = merged[name];
    if (value === undefined) merged[name] = inner === undefined ? fallback : known(inner, fallback);
    else if (inner !== undefined && isObject(fallback) && isObject(value))
      merged[name] = withDefaults(inner, fallback, value);
  }
  return merged;
}

/** The part of the default that a group has: a gateway's groups are smaller than a proxy's. */
function known(members: Members, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(members, name)));
}

export const isObject = (value: unknown): value is WrittenOptions =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
