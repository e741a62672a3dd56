import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { rangedOrigin } from '../../sluiceway/test/support/ranged-origin.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type Admin, type AdminAnswer, adminOf } from './support/admin.js';
import { sluicewayServe } from './support/program.js';

interface Operation {
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

interface Description {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** Checks answers against the description that the listener itself gives. */
async function validatorOf(admin: Admin) {
  const description = (await admin.get('/api/openapi.json')).value as unknown as Description;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'api', ...description });
  const pointerOf = (...keys: string[]): string =>
    keys.map((key) => `/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
  const check = (ref: string, value: unknown): void => {
    const validate = ajv.compile({ $ref: `api#${ref}` });
    expect([validate(value), validate.errors, value]).toEqual([true, null, value]);
  };
  const used = new Set<string>();
  return {
    description,
    used,
    schema: (name: string, value: unknown) => check(`/components/schemas/${name}`, value),
    answer: (method: string, path: string, { status, type, text, value }: AdminAnswer) => {
      const media = type?.split(';')[0] ?? '';
      const responses = description.paths[path]?.[method]?.responses;
      expect([method, path, status, Object.keys(responses?.[status]?.content ?? {})]).toEqual([
        method,
        path,
        status,
        [media],
      ]);
      used.add(`${method} ${path}`);
      check(
        pointerOf('paths', path, method, 'responses', String(status), 'content', media, 'schema'),
        media.includes('json') ? value : text,
      );
    },
  };
}

test('the description of the API is OpenAPI 3.1, and every answer is as it says [OpenAPI]', async ({
  net,
}) => {
  const content = seededBytes('api', 0, 200_000);
  const origin = await net.origin(
    rangedOrigin(content, ({ index, head }) => {
      if (head.target === '/broken') return Buffer.from('HTTP/1.1 200 nonsense\r\nContent-Length: x\r\n\r\n');
      return index === 0 ? { bytes: 80_000, ending: 'reset' } : { bytes: 40_000, ending: 'stall' };
    }),
  );
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    upstreams: { mirrors: { servers: [origin.url, 'http://127.0.0.1:1'] } },
    routes: [
      {
        name: 'files',
        proxy: {
          upstream: origin.url,
          limits: {
            rules: [
              {
                name: 'clients',
                transfers: 9,
                requests: { count: 9, per: '1m' },
                bytes: { count: '1GB', per: '1h' },
                queue: { length: 2 },
              },
            ],
          },
        },
      },
      { name: 'group', path: '/group', proxy: { upstream: 'mirrors' } },
    ],
  });
  const admin = await adminOf(net, program);
  const valid = await validatorOf(admin);
  expect(valid.description.openapi).toBe('3.1.0');

  const events = await admin.events();
  const snapshot = await events.find('snapshot');
  const client = await net.client(program.port);
  await client.get('/healed');
  const healedTransfer = await admin.transfer(({ resumes }) => resumes === 1);
  expect((healedTransfer['resumedAt'] as number[]).length).toBe(1);
  const broken = await net.client(program.port);
  await broken.get('/broken');
  expect((await broken.readResponse()).head.status).toBe(502);
  await until(async () => {
    const { failures } = (await admin.get('/api/failures')).value;
    return (failures as unknown[]).length > 0;
  }, 'the failure was counted');

  const id = String(healedTransfer['id']);
  // The end is told only of transfers whose start was told.
  await events.find('delta', ({ started }) => (started as { id: string }[]).some((start) => start.id === id));
  const get = async (path: string, target = path): Promise<void> =>
    valid.answer('get', path, await admin.get(target));
  const post = async (path: string, value: unknown, target = path): Promise<void> =>
    valid.answer('post', path, await admin.post(target, value));
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/api/config',
    '/api/session',
    '/api/totals',
    '/api/failures',
    '/api/servers',
  ])
    await get(path);
  await get('/api/transfers');
  await get('/api/transfers', '/api/transfers?sort=size');
  await get('/api/transfers/{id}', `/api/transfers/${id}`);
  await get('/api/transfers/{id}', '/api/transfers/nothing');
  await post('/api/transfers/{id}/limit', { rate: 0 }, `/api/transfers/${id}/limit`);
  await post('/api/transfers/{id}/limit', { rate: 1000 }, '/api/transfers/nothing/limit');
  await post('/api/transfers/{id}/limit', { rate: 1_000_000 }, `/api/transfers/${id}/limit`);
  await post('/api/transfers/{id}/abort', {}, '/api/transfers/nothing/abort');
  await post('/api/transfers/{id}/abort', { reason: 'test' }, `/api/transfers/${id}/abort`);
  await post('/api/links/revoke', { url: 'http://example.com/' });
  await post('/api/links/revoke', {});
  await get('/api/links');
  const drain = '/api/servers/{group}/{server}/drain';
  await post(drain, {}, '/api/servers/mirrors/nothing/drain');
  await post(drain, { move: true }, '/api/servers/mirrors/127.0.0.1:1/drain');
  await get('/api/servers');
  await post('/api/servers/{group}/{server}/undrain', {}, '/api/servers/mirrors/127.0.0.1:1/undrain');
  await post('/api/limits/{rule}/block', { key: '192.0.2.1', for: '1h' }, '/api/limits/clients/block');
  await post('/api/limits/{rule}/block', { key: '192.0.2.1' }, '/api/limits/nothing/block');
  await get('/api/limits');
  await get('/api/limits/rules');
  await get('/api/limits/blocks');
  await post('/api/limits/{rule}/unblock', { key: '192.0.2.1' }, '/api/limits/clients/unblock');
  await post('/api/restart', {});
  await post('/api/reload', {});
  program.write({ listeners: [{ address: 1 }] });
  await post('/api/reload', {});

  valid.schema('Snapshot', snapshot);
  const delta = await events.find('delta', ({ ended }) =>
    (ended as { id: string }[]).some((end) => end.id === id),
  );
  valid.schema('Delta', delta);
  for (const { type, data } of events.all) valid.schema(type.charAt(0).toUpperCase() + type.slice(1), data);
  await events.find('totals');
  valid.used.add('get /api/events');
  const all = Object.entries(valid.description.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  expect([...valid.used].toSorted()).toEqual(all.toSorted());
});
