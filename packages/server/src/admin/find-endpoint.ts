import type { Endpoint } from './endpoint.js';

interface Found {
  endpoint: Endpoint;
  parameters: Readonly<Record<string, string>>;
}

/** Returns the endpoint for a request. Otherwise, the methods that its path has; none if there is no such path. */
export function findEndpoint(
  endpoints: readonly Endpoint[],
  method: string,
  path: string,
): Found | { allow: readonly string[] } {
  const allow: string[] = [];
  for (const endpoint of endpoints) {
    const parameters = matchPath(endpoint.path, path);
    if (parameters === null) continue;
    const methods = endpoint.method === 'GET' ? ['GET', 'HEAD'] : [endpoint.method];
    if (methods.includes(method)) return { endpoint, parameters };
    allow.push(...methods);
  }
  return { allow };
}

function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    const value = given[i] ?? '';
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== value) return null;
      continue;
    }
    const decoded = decode(value);
    if (decoded === null || decoded === '') return null;
    parameters[name] = decoded;
  }
  return parameters;
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
