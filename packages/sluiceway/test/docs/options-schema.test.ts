import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../../src/options/json-schema.js';
import { gatewayOptions, listOptions, type Members, proxyOptions, toJsonSchema } from '../../src/options.js';
import { validate } from '../support/json-schema.js';

const roots: readonly [name: string, members: Members][] = [
  ['createProxy', proxyOptions],
  ['gateway', gatewayOptions],
];

/** Options that a file cannot hold. */
const exceptions: Readonly<Record<string, string>> = {
  access: 'a function; a file will name token and password files',
  observers: 'objects with functions',
  tracing: 'an object with functions',
  transport: 'an object with functions',
  onRequest: 'a function',
  onUpstreamRequest: 'a function',
  onUpstreamResponse: 'a function',
  onError: 'a function',
  decide: 'a function',
  transform: 'functions',
  'transform.request': 'part of transform',
  'transform.request.changesContent': 'part of transform',
  'transform.request.create': 'a function',
  'transform.response': 'part of transform',
  'transform.response.changesContent': 'part of transform',
  'transform.response.create': 'a function',
  'resume.refreshTarget': 'a function',
  'upstream.group': 'an object with functions',
  'upstream.dns.resolver': 'an object with functions',
  'guard.resolver': 'an object with functions',
  'limits.store': 'an object with functions; the file names a store by its URL',
};

/** Every path that a schema has, whichever form of an option has it. */
function pathsOf(schema: JsonSchema, path = ''): string[] {
  const forms = schema.anyOf?.flatMap((each) => pathsOf(each, path)) ?? [];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...pathsOf(each, at)];
  });
  return [...forms, ...inner];
}

describe.each(roots)('the JSON Schema of %s', (_, members) => {
  const schema = toJsonSchema(members);

  test('has every option, or there is a reason why not', () => {
    const present = new Set(pathsOf(schema));
    const absent = listOptions(members)
      .map(({ path }) => path)
      .filter((path) => !present.has(path));
    expect(absent.filter((path) => exceptions[path] === undefined)).toEqual([]);
    expect(absent.length).toBeGreaterThan(4);
    expect(Object.keys(exceptions).filter((path) => present.has(path))).toEqual([]);
  });

  test('takes every default', () => {
    for (const { path, spec } of listOptions(members)) {
      const own = spec.schema();
      if (spec.default === undefined || own === null) continue;
      expect(validate(own, spec.default, path)).toEqual([]);
    }
  });

  test('can be written as JSON', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});

test.each<[string, Members, unknown]>([
  [
    'createProxy',
    proxyOptions,
    {
      upstream: { url: 'http://127.0.0.1:9000/files', connections: { max: 64 }, mirrors: ['https://b.test'] },
      name: 'edge-1',
      trustedProxies: ['127.0.0.0/8'],
      timeouts: { responseHead: '2m', total: false, connect: 500 },
      limits: { minRate: '1KiB', requestContent: false },

      resume: { attempts: 3 },
      headers: {
        host: 'client',
        request: { set: { 'X-Storage-Key': 'example' }, remove: ['Cookie'] },
        cookies: { domain: '', path: { '/a': '/b' }, secure: 'add' },
        response: { append: { Vary: ['Origin', 'Accept'] } },
      },
    },
  ],
  [
    'createProxy',
    proxyOptions,
    { upstream: 'http://127.0.0.1:9000', resume: false, headers: { cookies: 'remove' } },
  ],
  [
    'gateway',
    gatewayOptions,
    {
      keys: { file: 'keys.json' },
      guard: { allowHosts: ['*.example.com'], allowPorts: 'any' },
      limits: { fileBytes: '5GiB', contentTypes: ['video/*'] },
      cors: { origins: ['https://app.example.com'] },
    },
  ],
  ['gateway', gatewayOptions, { unsigned: true, cors: { origins: '*' }, guard: { allowPorts: [80, 8080] } }],
])('a file with options of %s fits', (_, members, options) => {
  expect(validate(toJsonSchema(members), options)).toEqual([]);
});

test.each<[unknown, string]>([
  [{ upstreem: 'http://a.test' }, 'upstreem is not known'],
  [{ timeouts: { connect: 0 } }, 'timeouts.connect fits none of 2 forms'],
  [{ timeouts: { connect: 'soon' } }, 'timeouts.connect fits none of 2 forms'],
  [{ limits: { responseHeaders: 0 } }, 'limits.responseHeaders is out of range'],
  [{ upstream: { mirrors: [] } }, 'upstream fits none of 2 forms'],
  [{ errors: 'ignore' }, 'errors is none of the words'],
  [{ trustedProxies: '10.0.0.0/8' }, 'trustedProxies is no array'],
  [{ onRequest: 'x' }, 'onRequest is not known'],
])('a file with %j does not', (options, problem) => {
  expect(validate(toJsonSchema(proxyOptions), options)).toEqual([problem]);
});
