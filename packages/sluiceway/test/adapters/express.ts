import { createServer, type RequestListener } from 'node:http';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { attachUpgrades, type ExpressRequest, streamFrom, toExpress } from '../../src/express.js';
import { type AdapterUnderTest, describeError, listen } from './adapter-under-test.js';

/** Express 4 and 5 take the same application. */
interface ExpressModule {
  (): Express;
  json(): RequestHandler;
  urlencoded(options: { extended: boolean }): RequestHandler;
}

interface WithUser extends ExpressRequest {
  user?: string;
}

export const underExpress = (version: string, express: ExpressModule): AdapterUnderTest => ({
  name: `Express ${version}`,
  async start({ handler, path = '/', options, upgrades, ...app }) {
    const application = express();
    // As its users run it; it logs failures otherwise.
    application.set('env', app.onError === undefined ? 'development' : 'test');
    application.disable('x-powered-by');
    if (app.trustsProxies) application.set('trust proxy', true);
    if (app.parsesBody) application.use(express.json(), express.urlencoded({ extended: true }));
    if (app.user !== undefined)
      application.use((request, _, next) => {
        (request as WithUser).user = app.user as string;
        next();
      });
    application.use((_, response, next) => {
      if (app.answersFirst) response.status(418).end('early');
      app.givesUp?.(() => void response.status(503).end('late'));
      next();
    });
    const { streamFrom: file } = app;
    if (file)
      application.all(
        '/file',
        (request, response) => void streamFrom(request, response, file.url, file.options),
      );
    if (handler) application.use(path, toExpress(handler, options));
    const handleError: ErrorRequestHandler = (error, _, response, _next) => {
      app.onError?.(error);
      const { status, text } = describeError(error);
      response.status(status).send(text);
    };
    if (app.onError) application.use(handleError);
    const server = createServer(application as RequestListener);
    if (handler && upgrades) attachUpgrades(server, handler, { path });
    return listen(server);
  },
  userOf: (context) => (context as WithUser).user,
});
