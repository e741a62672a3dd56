import { list } from '../../options/composites.js';
import { type About, custom, func } from '../../options/kinds.js';
import { type AnySpec, type Members, resolve } from '../../options/spec.js';
import type { Transport } from '../../upstream/transport.js';
import type {
  ChangesContent,
  Hooks,
  RequestTransform,
  ResponseTransform,
  Transform,
} from '../messages/hooks.js';
import type { Tracing } from '../transfer/tracing.js';
import type { Observer } from '../transfer/transfer-record.js';

const requestMembers = {
  changesContent: changesContent(
    '[Hook](hooks.md#transform): whether the streams of `transform.request.create` change content, so that its length and digests no longer apply. Required, because either answer is wrong for the other case.',
  ),
  create: func<RequestTransform['create']>({
    required: true,
    doc: '[Hook](hooks.md#transform): streams that the content of a request passes through.',
  }),
} satisfies Record<keyof RequestTransform, AnySpec>;

const responseMembers = {
  changesContent: changesContent(
    '[Hook](hooks.md#transform): whether the streams of `transform.response.create` change content, so that its length, validators, digests and ranges no longer apply. Required, because either answer is wrong for the other case.',
  ),
  create: func<ResponseTransform['create']>({
    required: true,
    doc: '[Hook](hooks.md#transform): streams that the content of a response passes through.',
  }),
} satisfies Record<keyof ResponseTransform, AnySpec>;

const transformMembers = {
  request: direction<RequestTransform>(requestMembers, 'Streams for the content of requests.'),
  response: direction<ResponseTransform>(responseMembers, 'Streams for the content of responses.'),
} satisfies Record<keyof Transform, AnySpec>;

function changesContent(doc: string) {
  return custom<ChangesContent, ChangesContent | undefined>({
    type: 'boolean or function',
    required: true,
    schema: null,
    doc,
    read: (check, path, value) =>
      typeof value === 'function' ? (value as ChangesContent) : check.boolean(path, value, undefined),
  });
}

/** An object of any class with these members. */
function direction<Direction extends object>(members: Members, doc: string) {
  return custom<Direction, Direction | undefined>({
    type: 'object',
    members,
    schema: null,
    doc,
    read: (check, path, value) => {
      if (value === undefined) return undefined;
      resolve(members, value, check, path);
      // The check of its members has verified the type.
      return value as Direction;
    },
  });
}

/** Functions and streams of the application. Their types, with the application's context, are in `Hooks`. */
export const hookOptions = {
  onRequest: func<NonNullable<Hooks['onRequest']>>({
    doc: '[Hook](hooks.md#onrequest): answer, or choose the upstream.',
  }),
  onUpstreamRequest: func<NonNullable<Hooks['onUpstreamRequest']>>({
    doc: '[Hook](hooks.md#onupstreamrequest): change the request that is sent on.',
  }),
  onUpstreamResponse: func<NonNullable<Hooks['onUpstreamResponse']>>({
    doc: '[Hook](hooks.md#onupstreamresponse): change the response.',
  }),
  transform: custom<Transform, Transform | undefined>({
    type: 'object',
    members: transformMembers,
    schema: null,
    doc: '[Hook](hooks.md#transform): content that is changed, inspected or held back while it passes.',
    read: (check, path, value) => {
      if (value === undefined) return undefined;
      const { request, response } = resolve(transformMembers, value, check, path);
      if (typeof value === 'object' && value !== null && request === undefined && response === undefined)
        check.problem(path, 'needs request, response or both');
      // The check of its members has verified the type.
      return value as Transform;
    },
  }),
  onError: func<NonNullable<Hooks['onError']>>({ doc: '[Hook](hooks.md#onerror): answer a failure.' }),
} satisfies Record<keyof Hooks, AnySpec>;

const observerMembers = {
  onTransferStart: func<NonNullable<Observer['onTransferStart']>>({}),
  onTransferEnd: func<NonNullable<Observer['onTransferEnd']>>({}),
  onResponseContent: func<NonNullable<Observer['onResponseContent']>>({}),
} satisfies Record<keyof Observer, AnySpec>;

/** An object of any class. It may have further methods. */
const observer = custom<Observer, Observer | undefined>({
  type: 'observers',
  schema: null,
  read: (check, path, value) => {
    if (typeof value !== 'object' || value === null) {
      check.problem(path, 'must be an object');
      return undefined;
    }
    const given: Observer = value;
    for (const [name, spec] of Object.entries(observerMembers))
      spec.read(check, `${path}.${name}`, given[name as keyof Observer]);
    const names = Object.keys(observerMembers);
    // With a misspelled method, an observer would silently see nothing.
    if (Object.keys(given).length > 0 && !names.some((name) => name in given))
      check.problem(path, `needs one of ${names.join(', ')}`);
    return given;
  },
});

export const observersOption = list(observer, {
  type: 'list',
  default: [],
  doc: 'Objects that are told when a transfer starts and ends: see [observers](hooks.md#observers).',
});

export const tracingOption = custom<Tracing, Tracing | undefined>({
  type: '`Tracing`',
  schema: null,
  doc: 'Traces transfers: see [OpenTelemetry](hooks.md#opentelemetry). Without it, trace fields pass as any other field, and nothing is loaded.',
  read: (check, path, value) => {
    if (value === undefined) return undefined;
    const given: { start?: unknown } = typeof value === 'object' && value !== null ? value : {};
    if (typeof given.start !== 'function') check.problem(path, 'must have the method start');
    return value as Tracing;
  },
});

/** A transport of the application. */
export const transport = (about: About) =>
  custom<Transport, Transport | undefined>({
    type: '`Transport`',
    schema: null,
    ...about,
    read: (check, path, value) =>
      check.parsed(path, value as Transport | undefined, undefined, checkTransport),
  });

function checkTransport(given: Transport): Transport {
  const methods: unknown[] = [given?.send, given?.close, given?.destroy];
  if (methods.every((method) => typeof method === 'function')) return given;
  throw new TypeError('must have the methods send, close and destroy');
}
