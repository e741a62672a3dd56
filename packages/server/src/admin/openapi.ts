import type { EndpointDescription, Schema } from './describe.js';
import { ref } from './describe.js';
import type { Endpoint } from './endpoint.js';
import { schemas } from './schemas.js';

/** Errors that every endpoint has. */
const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  401: 'The listener requires credentials.',
  403: 'The request has no access, is for another host, or comes from another site.',
};

/** Describes the endpoints in OpenAPI 3.1. Those without a description are left out. */
export function describeApi(endpoints: readonly Endpoint[]): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, description } of endpoints) {
    if (description === undefined) continue;
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeEndpoint(path, description, method) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluiceway admin API',
      version: '1',
      description: 'Durations are in milliseconds, rates in bytes per second, times in ISO 8601.',
    },
    security: [{}, { bearer: [] }, { basic: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic' },
      },
      schemas,
    },
  };
}

function describeEndpoint(
  path: string,
  { summary, query = {}, content, answers, errors = {} }: EndpointDescription,
  method: string,
): unknown {
  const parameters = [
    ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, { description, schema }]) => ({
      name,
      in: 'query',
      required: false,
      description,
      schema,
    })),
  ];
  return {
    operationId: operationId(method, path),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(content !== undefined && {
      requestBody: { content: { 'application/json': { schema: content } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, type = 'application/json', schema }]) => [
          status,
          { description, content: mediaType(type, schema) },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries({ ...ERRORS, ...errors }).map(([status, description]) => [
          status,
          { description, content: mediaType('application/problem+json', ref('Problem')) },
        ]),
      ),
    },
  };
}

const mediaType = (type: string, schema: Schema): unknown => ({ [type]: { schema } });

/** `POST /api/transfers/{id}/abort` is `postTransfersIdAbort`. */
const operationId = (method: string, path: string): string =>
  method.toLowerCase() +
  path
    .replace(/^\/(?:api\/)?/, '')
    .split(/[^\w]+/)
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
