import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createNodeServer } from '../../../server/src/listeners/protocol-server.js';
import { SecureContexts } from '../../../server/src/listeners/secure-contexts.js';
import { attach, type NodeServer, streamFrom, stripPrefix } from '../../src/index.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type AdapterUnderTest, listen } from './adapter-under-test.js';
import { testAdapter } from './suite.js';

/** A server without a framework; over TLS where it is given a certificate. */
const underNode = (
  name: string,
  create: (certificate: TestCertificate) => NodeServer,
  secure = true,
): AdapterUnderTest => ({
  name,
  lacks: ['error-handler', 'context', 'middleware', 'parsed-body', 'trust-proxy'],
  async start({ handler, path, streamFrom: file }) {
    const certificate = await loopbackCertificate();
    const server = create(certificate);
    if (handler) attach(server, path === undefined ? handler : stripPrefix(path, handler));
    else if (file)
      attach(server, {
        handle: (request, response) => streamFrom(request, response, file.url, file.options),
        upgrade: async (_, socket) => {
          socket.destroy();
          return 'rejected';
        },
      });
    return { ...(await listen(server)), ...(secure && { ca: certificate.ca }) };
  },
});

testAdapter(underNode('a server of node:http', () => createServer(), false));
testAdapter(underNode('a server of node:https', ({ cert, key }) => createTlsServer({ cert, key })));
testAdapter(
  underNode('the server of the program, with TLS', ({ cert, key }) => {
    const certificates = [{ cert, key, parsed: new X509Certificate(cert) }];
    const tls = { certificates, minVersion: 'TLSv1.2', clients: null } as const;
    const contexts = new SecureContexts(tls);
    return createNodeServer({ tls, protocol: 'auto' }, () => contexts);
  }),
);
