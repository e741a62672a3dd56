import { readFileSync } from 'node:fs';
import {
  type AnySpec,
  gatewayOptions,
  type JsonSchema,
  listOptions,
  type Members,
  proxyOptions,
} from 'sluiceway/options';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { validate } from '../../../sluiceway/test/support/json-schema.js';
import { configMembers } from '../../src/config/options.js';
import { configSchema } from '../../src/config/schema.js';
import { starterConfig } from '../../src/config/starter.js';

/** Options of the library that a file does not have, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  access: 'a function; routes have access of their own',
  errors: 'a server answers every request',
  observers: 'objects with functions',
  transport: 'an object with functions',
  transform: 'an object with functions',
  onRequest: 'a function',
  onUpstreamRequest: 'a function',
  onUpstreamResponse: 'a function',
  onError: 'a function',
  decide: 'a function',
  'resume.refreshTarget': 'a function',
  'upstream.group': 'an object with functions',
  'upstream.dns.resolver': 'an object with functions',
  'guard.resolver': 'an object with functions',
  'limits.store': 'an object with functions; a file has `store` for all routes',
};

const isException = (path: string): boolean =>
  Object.keys(exceptions).some((each) => path === each || path.startsWith(`${each}.`));

/** Every path that a schema has, whichever form of an option has it. */
function pathsOf(schema: JsonSchema, path = ''): string[] {
  const forms = schema.anyOf?.flatMap((each) => pathsOf(each, path)) ?? [];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...pathsOf(each, at)];
  });
  return [...forms, ...inner];
}

const schema = configSchema();
const routeSchema = (schema.properties?.['routes']?.items?.properties ?? {}) as Record<string, JsonSchema>;

describe.each<[string, Members]>([
  ['proxy', proxyOptions],
  ['gateway', gatewayOptions],
])('a route with %s', (action, members) => {
  const present = new Set(pathsOf(routeSchema[action] ?? {}));

  test('has every option of the library, or there is a reason why not', () => {
    const absent = listOptions(members)
      .map(({ path }) => path)
      .filter((path) => !present.has(path) && !isException(path));
    expect(absent).toEqual([]);
  });

  test('has none of the exceptions', () => {
    expect(Object.keys(exceptions).filter((path) => present.has(path))).toEqual([]);
  });
});

test('every exception is an option of the library, and is on the page', () => {
  const paths = new Set(
    [...listOptions(proxyOptions), ...listOptions(gatewayOptions)].map(({ path }) => path),
  );
  expect(Object.keys(exceptions).filter((path) => !paths.has(path))).toEqual([]);
  const page = readFileSync(new URL('../../../../docs/config.md', import.meta.url), 'utf8');
  const [, table = ''] = /<!-- exceptions -->\n([^]*?)\n\n/.exec(page) ?? [];
  const documented = [...table.matchAll(/`([\w.]+)`(?=[^|]*\|[^|]*\|$)/gm)].map(([, path]) => path);
  expect(Object.keys(exceptions).filter((path) => !documented.includes(path))).toEqual([]);
});

describe('the JSON Schema', () => {
  const complete = {
    listeners: [
      { address: ':80', redirectToHttps: true },
      {
        address: 'unix:/run/a',
        mode: '0660',
        tls: { certificates: [{ cert: 'a', key: 'b' }] },
        hsts: { maxAge: '1d' },
      },
    ],
    upstreams: { a: { url: 'http://a', connections: { max: 4 } } },
    defaults: {
      timeouts: { total: '1h', connect: '${env:T}' },
      access: { any: [{ addresses: { allow: [':'] } }] },
    },
    routes: [
      {
        host: ['a', '*.b'],
        methods: ['GET'],
        access: 'everyone',
        proxy: { upstream: 'a', stripPrefix: '${env:S}' },
      },
      {
        gateway: { keys: { file: 'k' }, limits: { transfers: 4 } },
        access: { all: [{ basic: { users: { file: 'u' } } }] },
      },
      { redirect: { to: '/', status: 301 } },
      { respond: { status: 204, headers: { A: ['b', 'c'] } } },
    ],
    log: { format: 'json' },
    drainTimeout: '1h',
  };

  test('takes a file with everything, the start, and the demonstration', () => {
    const demo = parse(
      readFileSync(new URL('../../demo/sluiceway.yaml', import.meta.url), 'utf8'),
    ) as unknown;
    for (const value of [complete, parse(starterConfig('x')), demo])
      expect(validate(resolved(schema), value)).toEqual([]);
  });

  test.for([
    [{ ...complete, listener: [] }, 'listener'],
    [{ ...complete, routes: [{ path: 5 }] }, 'routes[0].path'],
    [{ ...complete, routes: [{ access: {} }] }, 'routes[0].access'],
    [{ ...complete, listeners: [{ address: ':1', protocol: 'h3' }] }, 'listeners[0].protocol'],
    [{ ...complete, routes: undefined }, 'routes'],
  ] as const)('refuses %#', ([value, path]) => {
    expect(validate(resolved(schema), JSON.parse(JSON.stringify(value))).join()).toContain(path);
  });

  test('is what the package has', () => {
    const built = new URL('../../dist/sluiceway.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(built, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  test('has a description for every option of the server', () => {
    const undocumented = Object.entries(configMembers).filter(
      ([, spec]: [string, AnySpec]) => spec.doc === '',
    );
    expect(undocumented).toEqual([]);
  });
});

/** References to definitions replaced, as deep as the values of these tests go. */
function resolved(given: JsonSchema, depth = 0): JsonSchema {
  const { $ref, $defs: _defs, ...rest } = given;
  if ($ref !== undefined) {
    if (depth > 3) return {};
    const definition = schema.$defs?.[$ref.replace('#/$defs/', '')];
    if (definition === undefined) throw new Error(`There is no ${$ref}`);
    return resolved(definition, depth + 1);
  }
  const map = (schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> =>
    Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, resolved(each, depth)]));
  const { additionalProperties } = rest;
  return {
    ...rest,
    ...(rest.properties && { properties: map(rest.properties) }),
    ...(rest.items && { items: resolved(rest.items, depth) }),
    ...(rest.anyOf && { anyOf: rest.anyOf.map((each) => resolved(each, depth)) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: resolved(additionalProperties, depth),
    }),
  };
}
