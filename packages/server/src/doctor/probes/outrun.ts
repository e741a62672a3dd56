import { seededViews } from '../../demo/seeded-content.js';
import { pause } from '../chain.js';
import { describeEnd, formatCount, type Probe } from '../probe.js';

const MiB = 1024 * 1024;
const FINISH_MS = 20_000;
const POLL_MS = 250;

/** More than the sockets of a few hops hold together. */
const SIZE = 48 * MiB;

/** The statuses of a proxy that has lost its own connection, or waits no longer. */
const LOST_UPSTREAM: ReadonlySet<number> = new Set([502, 504]);

/**
 * The origin reads nothing until the chain takes no more of an upload, and then all of it. A chain has to wait meanwhile
 * (RFC 9293 section 3.8.6). Squid 5 closes the upload once `client_request_buffer_max_size` is full, and a proxy in front of
 * it then answers with 502. Others have a timeout for an origin that takes no more.
 */
export const outrunUploads: Probe = {
  name: 'outrun-uploads',
  title: 'whether an upload waits for an origin that reads slowly',
  kinds: ['upload-outrun'],
  isSlow: true,
  async run(chain, { patienceMs }) {
    const id = chain.newId();
    const exchange = chain.content(id, { unread: 1 }, { method: 'POST', content: SIZE });
    let sent = 0;
    let isReleased = false;
    const send = async (): Promise<void> => {
      for (const view of seededViews(id, 0, SIZE)) {
        if (exchange.head !== null || !(await exchange.send(view))) return;
        sent += view.length;
      }
      exchange.endRequest();
    };
    const sending = send();
    for (let before = -1, quietMs = 0; !isReleased; ) {
      quietMs = sent === before ? quietMs + POLL_MS : 0;
      before = sent;
      isReleased = quietMs >= patienceMs || exchange.head !== null || exchange.ending !== null;
      if (!isReleased) await pause(POLL_MS);
    }
    const held = sent;
    if (exchange.ending === null) await chain.release(id);
    await exchange.until(() => exchange.ending !== null, FINISH_MS);
    if (exchange.ending === null) exchange.leave();
    await sending;
    const { head, ending } = exchange;
    // An upload that is refused, or takes long, is the affair of other probes.
    if (head === null ? ending?.how !== 'failed' : !LOST_UPSTREAM.has(head.status)) return [];
    return [
      {
        kind: 'upload-outrun',
        message: `An upload that the client sends faster than the origin reads ${describeEnd(exchange)}, after ${formatCount(held)} bytes`,
        evidence: { sent: held, of: SIZE, status: head?.status ?? null },
      },
    ];
  },
};
