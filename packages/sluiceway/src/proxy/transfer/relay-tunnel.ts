import type { ClientTunnel } from '../../downstream/exchange.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import { MeteredSource } from '../../stream/metered-source.js';
import type { Tunnel } from '../../stream/tunnel.js';
import type { Transfer } from './transfer.js';
import { type DirectionEvents, WebSocketDirection } from './web-socket-direction.js';

/** How long both sides of a WebSocket have to answer the Close that a stopping proxy sends. */
const CLOSE_TIMEOUT_MS = 5000;

/**
 * Relays bytes both ways until both directions have ended or one is broken. A side that ends its direction is
 * half-closed, and the other direction continues. If one side breaks, the other is reset, since an orderly end may have
 * a meaning in a protocol that the proxy does not know. A WebSocket is closed instead: its protocol marks its own end,
 * and a reset could discard that mark.
 */
export async function runTunnel(
  transfer: Transfer,
  client: ClientTunnel,
  upstream: Tunnel,
  protocol: string,
): Promise<void> {
  const isWebSocket = protocol.toLowerCase() === 'websocket';
  const fromClient = new MeteredSource(client.source, transfer.meterTunnel('bytesUp'));
  const fromUpstream = new MeteredSource(upstream.source, transfer.meterTunnel('bytesDown'));
  let isBroken = false;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    const breaks = (): void => {
      isBroken = true;
      resolve();
    };
    let open = 2;
    const events: DirectionEvents = {
      onEnd: () => {
        open -= 1;
        if (open === 0) resolve();
      },
      onBroken: breaks,
    };
    let clientHasAll = false;
    const downEvents: DirectionEvents = {
      onEnd: () => {
        clientHasAll = true;
        events.onEnd();
      },
      onBroken: breaks,
    };
    // A tunnel that is idle for too long is closed, not reset.
    transfer.onAborted(({ outcome }) => (outcome === 'completed' ? resolve() : breaks()));
    // After both directions end, the client's connection closes, possibly before the origin server has read everything.
    client.onClose(() => {
      if (fromClient.isRunning || !clientHasAll) breaks();
    });

    const up = isWebSocket ? new WebSocketDirection(upstream, true, events) : direction(upstream, events);
    const down = isWebSocket
      ? new WebSocketDirection(client, false, downEvents)
      : direction(client, downEvents);
    fromClient.start(up);
    fromUpstream.start(down);
    // In a protocol other than WebSocket, the proxy cannot announce that it stops.
    transfer.onLeave(() => {
      if (up instanceof WebSocketDirection) up.goAway();
      if (down instanceof WebSocketDirection) down.goAway();
      if (isWebSocket) timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
  });
  clearTimeout(timer);
  for (const tunnel of [upstream, client]) {
    if (isBroken && !isWebSocket && tunnel.reset !== undefined) tunnel.reset();
    else tunnel.destroy();
  }
  // Returns chunks that a limit still holds back.
  fromClient.cancel();
  fromUpstream.cancel();
}

function direction(target: Tunnel, { onEnd, onBroken }: DirectionEvents): ChunkSink {
  return {
    chunk: (bytes, done) => target.write(bytes, done),
    end: () => target.end(onEnd),
    fail: onBroken,
    splice: (offer) => target.splice?.(offer, null) ?? null,
  };
}
