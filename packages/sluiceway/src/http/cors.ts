import type { Fields, ReadonlyFields } from './fields.js';

/** Which scripts of other sites may read responses (Fetch standard, CORS protocol). Texts are as they are sent. */
export interface CorsRules {
  /** Null: any origin may read, without credentials. */
  allowsOrigin: ((origin: string) => boolean) | null;
  /** Access-Control-Allow-Methods. */
  methods: string;
  /** Access-Control-Allow-Headers. */
  headers: string;
  /** Access-Control-Expose-Headers. */
  exposed: string;
  allowsCredentials: boolean;
  /** Access-Control-Max-Age, in seconds. */
  maxAge: string;
  allowsPrivateNetwork: boolean;
}

/** The members of a request that the rules depend on. */
interface CrossOriginRequest {
  readonly method: string;
  readonly headers: ReadonlyFields;
}

/** Reports whether a browser asks whether it may send a request. */
const isPreflight = ({ method, headers }: CrossOriginRequest): boolean =>
  method === 'OPTIONS' && headers.has('access-control-request-method');

/** The status of the answer to a preflight: 403 if the origin is not allowed. Null for any other request. */
export function preflightStatus(rules: CorsRules, request: CrossOriginRequest): 204 | 403 | null {
  if (!isPreflight(request)) return null;
  const origin = request.headers.get('origin');
  return origin !== undefined && allows(rules, origin) ? 204 : 403;
}

/**
 * Sets the CORS fields of a response, and removes those that it has: an origin server does not know the rules. Answers a
 * preflight with what is allowed.
 */
export function setCorsFields(fields: Fields, rules: CorsRules, request: CrossOriginRequest): void {
  fields.retain((name) => !/^access-control-/i.test(name));
  // Caches must store the responses to different origins separately, also that to a request without an origin.
  if (rules.allowsOrigin !== null && !variesByOrigin(fields)) fields.append('Vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === undefined || !allows(rules, origin)) return;
  fields.set('Access-Control-Allow-Origin', rules.allowsOrigin === null ? '*' : origin);
  if (rules.allowsCredentials) fields.set('Access-Control-Allow-Credentials', 'true');
  fields.set('Cross-Origin-Resource-Policy', 'cross-origin');
  if (!isPreflight(request)) {
    fields.set('Access-Control-Expose-Headers', rules.exposed);
    return;
  }
  fields.set('Access-Control-Allow-Methods', rules.methods);
  fields.set('Access-Control-Allow-Headers', rules.headers);
  fields.set('Access-Control-Max-Age', rules.maxAge);
  if (rules.allowsPrivateNetwork && request.headers.get('access-control-request-private-network') === 'true')
    fields.set('Access-Control-Allow-Private-Network', 'true');
}

const allows = ({ allowsOrigin }: CorsRules, origin: string): boolean =>
  allowsOrigin === null || allowsOrigin(origin);

const variesByOrigin = (fields: ReadonlyFields): boolean =>
  fields.list('vary').some((name) => name === '*' || name.toLowerCase() === 'origin');
