import { type OptionProblem, OptionsError } from '../../options/checker.js';

/** Maps options of `createProxy`, by the start of their path, to the options from which they are derived. */
const NAMES: readonly (readonly [path: string, name: string])[] = [
  ['headers.request.set', 'headers'],
  ['headers.cookies.domain', 'cookieDomainRewrite'],
  ['headers.cookies.path', 'cookiePathRewrite'],
  ['timeouts.clientIdle', 'timeout'],
  ['timeouts.connect', 'timeout'],
  ['timeouts.responseHead', 'proxyTimeout'],
  ['timeouts.upstreamIdle', 'proxyTimeout'],
  ['upstream.tls', 'target'],
  ['profile.maxRedirects', 'followRedirects'],
];

/** Renames the options in the problems to those that the middleware was given. */
export function toCompatError(error: unknown): unknown {
  if (!(error instanceof OptionsError)) return error;
  const problems = new Map<string, OptionProblem>();
  for (const { path, message } of error.problems) {
    const [start, name] = NAMES.find(([known]) => path === known || path.startsWith(`${known}.`)) ?? ['', ''];
    const renamed = name + path.slice(start.length);
    problems.set(`${renamed} ${message}`, { path: renamed, message });
  }
  return new OptionsError('createProxyMiddleware', [...problems.values()]);
}
