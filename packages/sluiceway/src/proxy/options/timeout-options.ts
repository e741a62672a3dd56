import type { LimitStore } from '../../limits/store.js';
import { custom, duration, integer, size } from '../../options/kinds.js';
import { OFF, type OptionsOf, type SettingsOf } from '../../options/spec.js';
import { rulesOption } from './limit-rules.js';

export const timeoutOptions = {
  /**
   * Time to look up the name, connect, get the answer of an egress proxy and complete the TLS handshake, all
   * together. It also limits the wait for one of `connections.max`. A server that is up answers in less. It
   * cannot be turned off. Default: `10s`.
   */
  connect: duration({
    default: '10s',
    min: 1,
    doc: 'Time to look up the name, connect, get the answer of an egress proxy and complete the TLS handshake, all together. It also limits the wait for one of `connections.max`. A server that is up answers in less. It cannot be turned off.',
  }),
  /**
   * Time from the end of the request, its content included, until the response head. Each interim response
   * (1xx) restarts it, so an origin server that reports progress is waited for. The default is long enough
   * for an origin server that must fetch the file first. `false` turns it off. Default: `60s`.
   */
  responseHead: duration({
    default: '60s',
    min: 1,
    off: true,
    doc: 'Time from the end of the request, its content included, until the response head. Each interim response (1xx) restarts it, so an origin server that reports progress is waited for. The default is long enough for an origin server that must fetch the file first.',
  }),
  /**
   * Time between bytes while the transfer waits for the origin server only. A server that sends nothing for a
   * minute in the middle of a file is usually gone. `false` turns it off. Default: `60s`.
   */
  upstreamIdle: duration({
    default: '60s',
    min: 1,
    off: true,
    doc: 'Time between bytes while the transfer waits for the origin server only. A server that sends nothing for a minute in the middle of a file is usually gone.',
  }),
  /**
   * Time between bytes while the transfer waits for the client. It is ten times as long as `upstreamIdle`
   * because people pause downloads and client networks drop out. `false` turns it off. Default: `10m`.
   */
  clientIdle: duration({
    default: '10m',
    min: 1,
    off: true,
    doc: 'Time between bytes while the transfer waits for the client. It is ten times as long as `upstreamIdle` because people pause downloads and client networks drop out.',
  }),
  /**
   * Time without a byte in either direction of a tunnel (WebSocket). Silence is normal there. `false` turns
   * it off. Default: `1h`.
   */
  tunnelIdle: duration({
    default: '1h',
    min: 1,
    off: true,
    doc: 'Time without a byte in either direction of a tunnel (WebSocket). Silence is normal there.',
  }),
  /**
   * How long WebSockets continue after `close()`, before both sides get a Close frame (1001) between two
   * frames. The default is no time at all, because WebSockets do not end by themselves and clients reconnect.
   * A tunnel of another protocol has no such message and runs until `destroy()`. Default: `0`.
   */
  tunnelDrain: duration({
    default: '0',
    doc: 'How long WebSockets continue after `close()`, before both sides get a Close frame (1001) between two frames. The default is no time at all, because WebSockets do not end by themselves and clients reconnect. A tunnel of another protocol has no such message and runs until `destroy()`.',
  }),
  /**
   * Time for the whole transfer. Off by default, because a healthy transfer of a large file can take any
   * time. `false` turns it off. Default: `false`.
   */
  total: duration({
    default: OFF,
    min: 1,
    off: true,
    doc: 'Time for the whole transfer. Off by default, because a healthy transfer of a large file can take any time.',
  }),
};

export const limitOptions = {
  /**
   * Limits of bandwidth, transfers at a time, requests and bytes per time, for each client, user or what else
   * a rule counts by: see limits. All rules that are for a request apply, and so the strictest holds.
   * `setLimits` changes them while the proxy runs. Default: none.
   */
  rules: rulesOption,
  /**
   * Shares the counts of the rules with other processes: a store such as `redisStore()` of `sluiceway/redis`.
   * It is not closed with the proxy. Without it, the counts are those of this process. Default: none.
   */
  store: custom<LimitStore, LimitStore | undefined>({
    type: 'store',
    schema: null,
    doc: 'Shares the counts of the rules with other processes: a store such as `redisStore()` of `sluiceway/redis`. It is not closed with the proxy. Without it, the counts are those of this process.',
    read: (check, path, value) => {
      if (value === undefined) return undefined;
      const isStore = typeof value === 'object' && value !== null && 'lease' in value && 'enter' in value;
      if (!isStore) check.problem(path, 'must be a store, such as redisStore() creates');
      return isStore ? (value as LimitStore) : undefined;
    },
  }),
  /**
   * Bytes per second. A slower transfer is ended; the rate is measured over 5 s in which content is under
   * way. The outcome is `client_stalled` or `upstream_stalled`, after the side that was waited for longer.
   * Off by default, because a slow transfer is not a broken one; the idle timeouts end transfers that stand
   * still. `false` turns it off. Default: `false`.
   */
  minRate: size({
    default: OFF,
    min: 1,
    off: true,
    doc: 'Bytes per second. A slower transfer is ended; the rate is measured over 5 s in which content is under way. The outcome is `client_stalled` or `upstream_stalled`, after the side that was waited for longer. Off by default, because a slow transfer is not a broken one; the idle timeouts end transfers that stand still.',
  }),
  /**
   * Bytes of request content. A request that announces more gets 413 before the origin server is asked. A
   * request in chunks gets 413 when it passes the limit, and its connection to the origin server is closed.
   * Off by default, because uploads are not held in memory or on disk, and the origin server knows how large
   * a file may be. Set it if the origin server has no such limit. `0` allows no content. `false` turns it
   * off. Default: `false`.
   */
  requestContent: size({
    default: OFF,
    off: true,
    doc: 'Bytes of request content. A request that announces more gets 413 before the origin server is asked. A request in chunks gets 413 when it passes the limit, and its connection to the origin server is closed. Off by default, because uploads are not held in memory or on disk, and the origin server knows how large a file may be. Set it if the origin server has no such limit. `0` allows no content.',
  }),
  /**
   * Bytes of the content of one response. A response that announces more becomes a 502. One that passes the
   * limit is broken off, so that the client can tell. With transforms, their output is counted, too. Off by
   * default, because large files are what this proxy is for. A gateway has `fileBytes` instead. `false` turns
   * it off. Default: `false`.
   */
  responseContent: size({
    default: OFF,
    off: true,
    doc: 'Bytes of the content of one response. A response that announces more becomes a 502. One that passes the limit is broken off, so that the client can tell. With transforms, their output is counted, too. Off by default, because large files are what this proxy is for. A gateway has `fileBytes` instead.',
  }),
  /**
   * Bytes of a response head, and of a trailer section. Several times what common servers allow. At least 1
   * KiB. Default: `64KiB`.
   */
  responseHead: size({
    default: '64KiB',
    min: 1024,
    doc: 'Bytes of a response head, and of a trailer section. Several times what common servers allow. At least 1 KiB.',
  }),
  /**
   * Field lines of a response head, and of a trailer section. Ordinary responses have fewer, and the limit
   * bounds the cost of a hostile one. Default: `256`.
   */
  responseHeaders: integer({
    default: 256,
    min: 1,
    doc: 'Field lines of a response head, and of a trailer section. Ordinary responses have fewer, and the limit bounds the cost of a hostile one.',
  }),
};

export interface TimeoutOptions extends OptionsOf<typeof timeoutOptions> {}
export interface TimeoutValues extends SettingsOf<typeof timeoutOptions> {}
export interface LimitOptions extends OptionsOf<typeof limitOptions> {}
export interface LimitValues extends SettingsOf<typeof limitOptions> {}
