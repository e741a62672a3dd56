import type { ClientTunnel } from '../downstream/exchange.js';
import type { ChunkSink } from '../stream/chunk-source.js';
import { MeteredSource } from '../stream/metered-source.js';
import type { Tunnel } from '../stream/tunnel.js';
import type { Transfer } from './transfer.js';

/**
 * Carries bytes both ways until both directions have ended or one is broken. A side that ends its direction is
 * half-closed, and the other direction goes on.
 */
export async function runTunnel(transfer: Transfer, client: ClientTunnel, upstream: Tunnel): Promise<void> {
  await new Promise<void>((resolve) => {
    let open = 2;
    const ended = (): void => {
      open -= 1;
      if (open === 0) resolve();
    };
    const broken = (): void => resolve();
    transfer.onAborted(broken);
    client.onClose(broken);

    const into = (tunnel: Tunnel): ChunkSink => ({
      chunk: (bytes, done) => tunnel.write(bytes, done),
      end: () => {
        tunnel.end();
        ended();
      },
      fail: broken,
    });
    new MeteredSource(client.source, transfer.meterTunnel('bytesUp')).start(into(upstream));
    new MeteredSource(upstream.source, transfer.meterTunnel('bytesDown')).start(into(client));
  });
  upstream.destroy();
  client.destroy();
}
