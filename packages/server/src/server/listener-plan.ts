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
import { type Certificate, PemError, readCertificate, readCertificates } from '../listeners/pem.js';
import type { ProxyProtocolSettings } from '../listeners/proxy-protocol-gate.js';
import { namesOf, SecureContexts, type TlsSettings } from '../listeners/secure-contexts.js';

/** The checked settings of a listener. */
export interface ListenerPlan {
  address: ListenAddress;
  mode: number | null;
  tls: TlsSettings | null;
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
  const shared = sharedTls === undefined ? null : readTls(check, 'tls', sharedTls, fileOf);
  const plans = listeners.flatMap((values, i): ListenerPlan[] => {
    const path = `listeners[${i}]`;
    checkCombinations(check, path, values);
    if (values.tls === true && sharedTls === undefined)
      check.problem(`${path}.tls`, 'needs the top-level tls, or an object with certificates');
    const own = typeof values.tls === 'object' ? readTls(check, `${path}.tls`, values.tls, fileOf) : null;
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

function readTls(check: Checker, path: string, values: TlsValues, fileOf: FileOf): TlsSettings | null {
  const certificates = (values.certificates ?? []).map(({ cert, key }, i) =>
    cert === undefined || key === undefined
      ? null
      : readPair(check, `${path}.certificates[${i}]`, fileOf(cert), fileOf(key)),
  );
  if (values.certificates?.length === 0) check.problem(`${path}.certificates`, 'must have at least one');
  const { clientCertificates: clients } = values;
  const ca =
    clients?.ca === undefined
      ? null
      : check.parsed(`${path}.clientCertificates.ca`, fileOf(clients.ca), null, (file) =>
          readCertificates(file),
        );
  const read = certificates.filter((certificate) => certificate !== null);
  if (read.length < certificates.length || read.length === 0) return null;
  checkKinds(check, path, read);
  const settings: TlsSettings = {
    certificates: read,
    minVersion: values.minVersion,
    clients: ca === null ? null : { ca, required: clients?.mode === 'required' },
  };
  return check.parsed(path, settings, null, (given) => {
    void new SecureContexts(given);
    return given;
  });
}

function readPair(check: Checker, path: string, cert: string, key: string): Certificate | null {
  try {
    return readCertificate(cert, key);
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    check.problem(`${path}.${error.part}`, error.message);
    return null;
  }
}

/** Reports certificates that OpenSSL cannot distinguish: it would use only one of them. */
function checkKinds(check: Checker, path: string, certificates: readonly Certificate[]): void {
  const seen = new Map<string, number>();
  for (const [i, certificate] of certificates.entries()) {
    const kind = `${certificate.parsed.publicKey.asymmetricKeyType} ${namesOf(certificate)}`;
    const other = seen.get(kind);
    if (other !== undefined)
      check.problem(
        `${path}.certificates[${i}]`,
        `has the same names and kind of key as ${path}.certificates[${other}]`,
      );
    seen.set(kind, i);
  }
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
