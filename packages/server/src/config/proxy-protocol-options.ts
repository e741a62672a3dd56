import {
  createTrustedPeers,
  custom,
  duration,
  group,
  list,
  type OptionsOf,
  oneOf,
  type SettingsOf,
} from 'sluiceway/options';
import { optional } from './optional.js';

const peer = custom<string, string | undefined>({
  type: 'addresses and CIDR ranges',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) =>
    check.parsed(path, check.string(path, value, undefined), undefined, (given) => {
      try {
        createTrustedPeers([given]);
        return given;
      } catch {
        throw new TypeError(`must be an address, a CIDR range or 'unix', not ${JSON.stringify(given)}`);
      }
    }),
});

const proxyProtocolMembers = {
  from: list(peer, {
    required: true,
    doc: "The proxies whose headers are believed: addresses and CIDR ranges; the word `unix` stands for all peers on Unix sockets. With headers that it makes up, a peer can have any address. A proxy's health checks need a header, too (v2 `LOCAL`, v1 `UNKNOWN`).",
  }),
  mode: oneOf(['required', 'optional'], {
    default: 'required',
    doc: 'Whether a connection of one of these proxies without a header is closed. With `optional`, a proxy that relays connections without adding a header lets its clients add one themselves.',
  }),
  others: oneOf(['refuse', 'plain'], {
    default: 'refuse',
    doc: 'Connections of other peers: `refuse` closes them, and `plain` serves them by their own address, without looking for a header.',
  }),
  timeout: duration({ default: '5s', min: 1, doc: 'How long a header may take to arrive.' }),
};

export interface ProxyProtocolOptions extends OptionsOf<typeof proxyProtocolMembers> {}
export interface ProxyProtocolValues extends SettingsOf<typeof proxyProtocolMembers> {}

export const proxyProtocolOption = optional(
  group<ProxyProtocolOptions, ProxyProtocolValues>(proxyProtocolMembers, {}),
  'Expect connections to begin with a header of the PROXY protocol, version 1 or 2, as HAProxy (`send-proxy`), nginx (`proxy_protocol on`) and cloud load balancers send it. Its address is that of the client: for access rules, limits, logs and `X-Forwarded-For`. It comes before TLS.',
);
