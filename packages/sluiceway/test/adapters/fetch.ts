import { type FetchContext, type FetchHandler, streamFrom, toFetch } from '../../src/fetch.js';
import { stripPrefix } from '../../src/index.js';
import type { AdapterUnderTest, RunningApp } from './adapter-under-test.js';

interface Host {
  user?: string;
}

/** What a `Request` and a `Response` have no words for is not there. */
export const underFetch = (
  host: string,
  start: (handler: FetchHandler) => Promise<RunningApp>,
): AdapterUnderTest => ({
  name: `fetch under ${host}`,
  lacks: [
    'error-handler',
    'parsed-body',
    'trust-proxy',
    'middleware',
    'upgrade',
    'trailers',
    'field-lines',
    'own-listener',
  ],
  start({ handler, path, options, streamFrom: file, user }) {
    if (file) return start((request) => streamFrom(request, file.url, file.options as object));
    if (handler === undefined) throw new Error('There is nothing to serve');
    const serve = toFetch<Host>(path === undefined ? handler : stripPrefix(path, handler), {
      // These hosts break the connection where a stream fails.
      allowUndetectableTruncation: true,
      errors: options?.errors ?? 'answer',
    });
    return start((request) => serve(request, user === undefined ? {} : { user }));
  },
  userOf: (context) => (context as FetchContext<Host>).host.user,
});
