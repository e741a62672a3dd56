import { type Checker, createTrustedPeers } from 'sluiceway/options';
import type { FileOf } from '../access/access-kinds.js';
import type {
  HstsValues,
  ListenerValues,
  RedirectToHttpsValues,
  TlsValues,
} from '../config/listener-options.js';
import type { ProxyProtocolValues } from '../config/proxy-protocol-options.js';
import { formatAddress, type ListenAddress, parseListenAddress } from '../listeners/address.js';
import type { ProxyProtocolSettings } from '../listeners/proxy-protocol-gate.js';
import { planTls, type TlsPlan } from './tls-plan.js';

/** The checked settings of a listener. */
export interface ListenerPlan {
  address: ListenAddress;
  mode: number | null;
  /** Null without TLS. */
  tls: TlsPlan | null;
  protocol: 'auto' | 'http1' | 'h2c';
  /** Null: connections begin with their own protocol. */
  proxyProtocol: ProxyProtocolSettings | null;
  /** Null: requests go to the routes. */
  redirect: { status: number; port: number } | null;
  /** A value of Strict-Transport-Security; null for none. */
  hsts: string | null;
  /** Its path in the configuration, such as `listeners[0]`. */
  path: string;
}

/** Checks listeners, and reads their certificates. Adds problems to `check`. */
export function planListeners(
  check: Checker,
  listeners: readonly ListenerValues[],
  sharedTls: TlsValues | undefined,
  fileOf: FileOf,
  directory: string,
): ListenerPlan[] {
  const shared = sharedTls === undefined ? null : planTls(check, 'tls', sharedTls, fileOf);
  const plans = listeners.flatMap((values, i): ListenerPlan[] => {
    const path = `listeners[${i}]`;
    checkCombinations(check, path, values);
    if (values.tls === true && sharedTls === undefined)
      check.problem(`${path}.tls`, 'needs the top-level tls, or an object with certificates');
    const own = typeof values.tls === 'object' ? planTls(check, `${path}.tls`, values.tls, fileOf) : null;
    if (values.address === undefined) return [];
    return [
      {
        address: parseListenAddress(values.address, directory),
        mode: values.mode,
        tls: values.tls === true ? shared : own,
        protocol: values.protocol,
        proxyProtocol: values.proxyProtocol === undefined ? null : toProxyProtocol(values.proxyProtocol),
        redirect: toRedirect(values.redirectToHttps),
        hsts: toHsts(values.hsts),
        path,
      },
    ];
  });
  checkAddresses(check, plans);
  checkChallenges(check, plans);
  return plans;
}

function checkCombinations(check: Checker, path: string, values: ListenerValues): void {
  const { address = '', mode, protocol } = values;
  const isOn = (value: unknown): boolean => value === true || typeof value === 'object';
  const [tls, redirects, hsts] = [values.tls, values.redirectToHttps, values.hsts].map(isOn);
  if (values.proxyProtocol?.from?.length === 0)
    check.problem(`${path}.proxyProtocol.from`, 'must have at least one');
  if (mode !== null && !address.startsWith('unix:'))
    check.problem(`${path}.mode`, 'is for Unix sockets only');
  if (tls === true && protocol === 'h2c') check.problem(`${path}.protocol`, 'must be auto or http1 with tls');
  if (tls === true && redirects === true) check.problem(`${path}.redirectToHttps`, 'makes no sense with tls');
  if (tls === false && hsts === true) check.problem(`${path}.hsts`, 'needs tls (RFC 6797 section 7.2)');
}

function checkAddresses(check: Checker, plans: readonly ListenerPlan[]): void {
  const seen = new Map<string, string>();
  for (const { address, path } of plans) {
    if ('port' in address && address.port === 0) continue;
    const text = formatAddress(address);
    const other = seen.get(text);
    if (other !== undefined) check.problem(`${path}.address`, `is the address of ${other}`);
    else seen.set(text, path);
  }
}

/** Authorities ask over plain HTTP/1.1 whether a name leads here (RFC 8555 section 8.3). */
function checkChallenges(check: Checker, plans: readonly ListenerPlan[]): void {
  if (plans.some(({ tls, protocol }) => tls === null && protocol !== 'h2c')) return;
  const first = plans.find(({ tls }) => tls?.acme?.challenge === 'http-01');
  if (first !== undefined)
    check.problem(
      `${first.path}.tls`,
      'has acme, which needs a listener without TLS, too: the authority connects to port 80 of each domain; or set challenge: tls-alpn-01',
    );
}

function toProxyProtocol({ from, mode, others, timeout }: ProxyProtocolValues): ProxyProtocolSettings {
  return {
    from: createTrustedPeers(from ?? []),
    required: mode === 'required',
    others,
    timeoutMs: timeout,
  };
}

function toRedirect(given: boolean | RedirectToHttpsValues | undefined): ListenerPlan['redirect'] {
  if (given === false || given === undefined) return null;
  return given === true ? { status: 308, port: 443 } : given;
}

const YEAR_SECONDS = 365 * 24 * 60 * 60;

function toHsts(given: boolean | HstsValues | undefined): string | null {
  if (given === false || given === undefined) return null;
  const { maxAge, includeSubDomains, preload } =
    given === true ? { maxAge: YEAR_SECONDS, includeSubDomains: false, preload: false } : given;
  return [
    `max-age=${maxAge}`,
    ...(includeSubDomains ? ['includeSubDomains'] : []),
    ...(preload ? ['preload'] : []),
  ].join('; ');
}
