import { createTrustedPeers } from '../../net/trusted-peers.js';
import { list } from '../../options/composites.js';
import { custom } from '../../options/kinds.js';

const range = custom<string, string | undefined>({
  type: 'addresses and CIDR ranges',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) =>
    check.parsed(path, check.string(path, value, undefined), undefined, checkRange),
});

export const trustedProxiesOption = list(range, {
  default: [],
  doc: "Proxies in front of this one whose `X-Forwarded-*` and `Forwarded` are trusted and continued. Those of any other client are replaced, because a client can send any value; names such as `X_Forwarded_For`, which CGI treats as the same, never pass. The word `'unix'` stands for all peers on Unix sockets (without TLS). Hooks see [the client behind them](hooks.md#onrequest).",
});

function checkRange(given: string): string {
  try {
    createTrustedPeers([given]);
    return given;
  } catch {
    throw new TypeError(`must be an address, a CIDR range or 'unix', not ${JSON.stringify(given)}`);
  }
}
