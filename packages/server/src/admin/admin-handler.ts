import {
  type AccessDecision,
  type AccessPolicy,
  type AccessRequest,
  type Answer,
  createProxy,
  type ReverseProxy,
  SluicewayError,
} from 'sluiceway';
import type { ListenAddress } from '../listeners/address.js';
import { badQuery } from '../live/transfer-query.js';
import { checkCrossSite, checkEmbedding, checkHost } from './browser-checks.js';
import { isDashboardPath } from './dashboard-endpoints.js';
import type { Endpoint } from './endpoint.js';
import { findEndpoint } from './find-endpoint.js';
import type { AdminSession } from './session.js';

export interface AdminHandlerOptions {
  endpoints: readonly Endpoint[];
  address: ListenAddress;
  /** Further names of the listener. */
  hosts: readonly string[];
  /** Undefined: everyone who can connect. */
  access: AccessPolicy | undefined;
  session: AdminSession;
}

/** Creates what serves the admin listener: a proxy that answers itself, with the checks and limits of any other. */
export function createAdminHandler({
  endpoints,
  address,
  hosts,
  access,
  session,
}: AdminHandlerOptions): ReverseProxy {
  return createProxy({
    name: 'sluiceway-admin',
    access: (request) => {
      checkHost(request, address, hosts);
      checkEmbedding(request);
      return checkAccess(access, request);
    },
    onRequest: async ({ request }) => {
      const found = findEndpoint(endpoints, request.method, request.path);
      if ('allow' in found) throw found.allow.length === 0 ? notFound() : methodNotAllowed(found.allow);
      const { endpoint, parameters } = found;
      if (endpoint.method !== 'GET') {
        checkCrossSite(request);
        session.check(request);
      }
      const query = new URLSearchParams(request.query ?? '');
      if (endpoint.path.startsWith('/api/')) checkQuery(endpoint, query);
      return withFields(await endpoint.answer({ parameters, query, request }));
    },
  });
}

/**
 * A browser sends no bearer token by itself, so the dashboard asks for it. Its files, which contain no data, are therefore for
 * everyone who only lacks a bearer token. Whom the rules refuse for another reason gets nothing, and for Basic authentication
 * the browser itself asks.
 */
async function checkAccess(
  access: AccessPolicy | undefined,
  request: AccessRequest,
): Promise<AccessDecision> {
  if (access === undefined) return { allowed: true };
  const decision = await access(request);
  if (decision.allowed || request.method === 'POST' || !isDashboardPath(request.path)) return decision;
  const challenges = [decision.challenge ?? []].flat();
  const wantsToken = decision.status === 401 && challenges.every((each) => /^bearer\b/i.test(each));
  return wantsToken && decision.response === undefined ? { allowed: true } : decision;
}

/**
 * Throws 400 for a parameter that the endpoint does not have, or that is given twice: a list that is not filtered as its
 * reader believes leads to the wrong transfers being aborted.
 */
function checkQuery({ description }: Endpoint, query: URLSearchParams): void {
  const known = Object.keys(description?.query ?? {});
  for (const name of query.keys()) {
    const shown = JSON.stringify(name.slice(0, 50));
    if (!known.includes(name))
      throw badQuery(
        `There is no parameter ${shown}${known.length === 0 ? '' : `, only ${known.join(', ')}`}.`,
      );
    if (query.getAll(name).length > 1) throw badQuery(`The parameter ${shown} must not be repeated.`);
  }
}

/** No answer may be stored, and no other site may embed one. There are no CORS fields. */
const withFields = (answer: Answer): Answer => ({
  ...answer,
  headers: {
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...answer.headers,
  },
});

const notFound = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'The admin listener has no such path', {
    status: 404,
    publicMessage: 'The admin listener has no such path.',
  });

const methodNotAllowed = (allow: readonly string[]): SluicewayError =>
  new SluicewayError('http_request_denied', 'The admin listener has no such method for this path', {
    status: 405,
    publicMessage: 'The method is not allowed here.',
    headers: { Allow: allow.join(', ') },
  });
