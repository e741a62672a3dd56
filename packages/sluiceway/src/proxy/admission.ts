import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import { hasCdnLoop } from '../http/cdn-loop.js';
import { maxForwards } from '../http/max-forwards.js';
import { wantedProtocol } from '../http/upgrade.js';
import { hasVia } from '../http/via.js';
import type { TrustedPeers } from '../net/trusted-peers.js';
import { type DownstreamRequest, type ReadRequest, readDownstreamRequest } from './downstream-request.js';
import type { Answer } from './hooks.js';
import type { ProxySettings } from './options.js';
import type { Profile } from './profiles.js';
import type { Transfer } from './transfer.js';
import { destroyedEarly, openUpload, type Upload } from './upload.js';

/** A request that may go on. */
export interface Admission {
  downstream: DownstreamRequest;
  /** Null where the request has no content that is sent on. */
  upload: Upload | null;
  /** The protocol to ask the origin server for; null for an ordinary request. */
  protocol: string | null;
}

/** Reads and judges a request. `onBareSocket` says that it came by an `upgrade` event. */
export function admit(
  request: IncomingMessage,
  onBareSocket: boolean,
  transfer: Transfer,
  settings: Pick<ProxySettings, 'profile' | 'peers' | 'pseudonym' | 'maxRequestContent'>,
): Admission {
  const { profile, pseudonym, peers, maxRequestContent } = settings;
  const { downstream, framing } = read(request, transfer.id, peers);
  checkMethod(downstream.method, profile);
  if (
    profile.forwarded &&
    (hasVia(downstream.fields, pseudonym) || hasCdnLoop(downstream.fields, pseudonym))
  ) {
    throw new SluicewayError(
      'proxy_loop_detected',
      `The request has our name ${pseudonym} in Via or CDN-Loop`,
    );
  }
  const protocol =
    onBareSocket && profile.upgrades ? wantedProtocol(downstream.httpVersion, downstream.fields) : null;
  if (onBareSocket && framing.kind !== 'none' && !(framing.kind === 'length' && framing.length === 0)) {
    // Node's parser has let go of the connection, so nobody knows where the content ends.
    throw new SluicewayError('http_request_error', 'Content in a request that asks for another protocol');
  }
  const upload =
    profile.requestContent && !onBareSocket
      ? openUpload(request, framing, transfer, maxRequestContent)
      : null;
  return { downstream, upload, protocol };
}

/**
 * Connections with a request on them that was not valid: what comes behind it may be part of it. They are closed
 * with its answer, and requests that were pipelined do not get their turn.
 */
const faulty = new WeakSet<Socket>();

export const isFaulty = (request: IncomingMessage): boolean => faulty.has(request.socket);

function read(request: IncomingMessage, id: string, peers: TrustedPeers): ReadRequest {
  // Node takes the socket away from a request over which somebody has left an iteration; its types don't say so.
  const socket = request.socket as Socket | null;
  if (socket === null) throw destroyedEarly(request);
  try {
    return readDownstreamRequest(request, id, peers);
  } catch (error) {
    faulty.add(socket);
    throw error;
  }
}

/** The value of Allow for the methods that a profile serves. */
export const allowedMethods = (profile: Profile): string =>
  profile.methods === 'any' ? 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' : profile.methods.join(', ');

/** An OPTIONS that may not be passed on any further asks what we serve (RFC 9110 section 7.6.2). */
export function answerAsLastServer(downstream: DownstreamRequest, profile: Profile): Answer | undefined {
  if (maxForwards(downstream.method, downstream.fields) !== 0) return undefined;
  return { status: 200, fields: { Allow: allowedMethods(profile) } };
}

function checkMethod(method: string, profile: Profile): void {
  const served = profile.methods === 'any' ? method !== 'TRACE' : profile.methods.includes(method);
  if (served && method !== 'CONNECT') return;
  throw new SluicewayError('http_request_denied', `Method ${method} is not served`, {
    status: 405,
    publicMessage: 'The method is not allowed.',
  });
}
