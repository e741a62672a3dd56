import { describe, expect } from 'vitest';
import { createDownloadGateway } from '../../src/gateway.js';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

const APP = 'https://app.example.com';

const withOrigins = (net: Network, origins: readonly string[] | '*') =>
  throughGateway(net, respondWith(sized('x', ['Vary: Accept-Encoding'])), { cors: { origins } });

describe('the origin of a script', () => {
  test.for([
    [APP, APP, 'may read'],
    ['HTTPS://App.Example.com', APP, 'may read'],
    [`${APP}:443`, APP, 'may read'],
    ['https://bücher.example', 'https://xn--bcher-kva.example', 'may read'],
    [APP, `${APP}:8443`, 'may not read'],
    [APP, 'http://app.example.com', 'may not read'],
    [APP, `${APP}.evil.test`, 'may not read'],
    [APP, 'null', 'may not read'],
    ['*', 'null', 'may read'],
    ['*', APP, 'may read'],
  ] as const)(
    'where %s is let in, a script of %s %s [WHATWG Fetch 3.3]',
    async ([allowed, origin, what], { net }) => {
      const { client, link } = await withOrigins(net, allowed === '*' ? allowed : [allowed]);
      await client.get(link('/'), [`Origin: ${origin}`]);
      const { head } = await client.readResponse();
      const mayRead = what === 'may read';
      const expected = allowed === '*' ? '*' : origin;
      expect(head.get('access-control-allow-origin')).toBe(mayRead ? expected : undefined);
      expect(head.get('cross-origin-resource-policy')).toBe(mayRead ? 'cross-origin' : undefined);
      expect(head.has('access-control-allow-credentials')).toBe(false);
      const vary = head.getAll('vary').join(', ');
      expect(vary).toBe(allowed === '*' ? 'Accept-Encoding' : 'Accept-Encoding, Origin');
    },
  );

  test.for(['*', 'app.example.com', `${APP}/`, 'file://', 'https://user@a.test', 'https://a b'])(
    'cannot be %j in a list [Sluiceway]',
    (origin) => {
      const create = () =>
        createDownloadGateway({ unsigned: true, guard: { allowHosts: ['*'] }, cors: { origins: [origin] } });
      expect(problemsOf(create)).toEqual([expect.stringMatching(/^cors\.origins\[0\] must be an origin/)]);
    },
  );
});

describe('a question before a request', () => {
  const ask = async (net: Network, lines: readonly string[], cors = true) => {
    const { client, link, origin } = await throughGateway(
      net,
      respondWith(sized('x')),
      cors ? { cors: { origins: [APP] } } : {},
    );
    await client.send([`OPTIONS ${link('/')} HTTP/1.1`, 'Host: test', ...lines, '\r\n'].join('\r\n'));
    const { head } = await client.readResponse();
    expect(origin.total).toBe(0);
    return head;
  };
  const method = 'Access-Control-Request-Method: GET';

  test('is answered for a script that may read, for the fields of ranges and validators [WHATWG Fetch 3.3]', async ({
    net,
  }) => {
    const head = await ask(net, [`Origin: ${APP}`, method, 'Access-Control-Request-Headers: range']);
    expect([head.status, head.get('access-control-allow-origin')]).toEqual([204, APP]);
    expect(head.get('access-control-allow-headers')).toMatch(/\bIf-Range\b.*\bRange\b/);
    expect(head.get('vary')).toBe('Origin');
  });

  test.for([
    ['of another site', ['Origin: https://evil.test', method], true, 403],
    ['of a page without an origin', ['Origin: null', method], true, 403],
    ['without an Origin', [method], true, 403],
    ['that is no such question', [`Origin: ${APP}`], true, 405],
    ['without an Origin or a method', [], true, 405],
    ['where no script may read', [`Origin: ${APP}`, method], false, 405],
  ] as const)('%s is refused [WHATWG Fetch 3.3]', async ([_what, lines, cors, status], { net }) => {
    const head = await ask(net, lines, cors);
    expect(head.status).toBe(status);
    expect(head.has('access-control-allow-methods')).toBe(false);
    if (status === 405) expect(head.get('allow')).toBe('GET, HEAD');
  });
});
