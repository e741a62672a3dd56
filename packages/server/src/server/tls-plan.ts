import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Checker } from 'sluiceway/options';
import type { FileOf } from '../access/access-kinds.js';
import type { AcmeSettings } from '../acme/settings.js';
import type { AcmeValues } from '../config/acme-options.js';
import type { TlsValues } from '../config/listener-options.js';
import { type Certificate, PemError, readCertificate, readCertificates } from '../listeners/pem.js';
import { namesOf, SecureContexts, type TlsSettings } from '../listeners/secure-contexts.js';

/** The checked TLS settings of a listener. */
export interface TlsPlan {
  /** With the certificates of files only. */
  settings: TlsSettings;
  /** Null: there are no certificates but those of files. */
  acme: AcmeSettings | null;
}

/** Checks TLS options, and reads the certificates. Adds problems to `check`. Returns null if there are any. */
export function planTls(check: Checker, path: string, values: TlsValues, fileOf: FileOf): TlsPlan | null {
  const certificates = (values.certificates ?? []).map(({ cert, key }, i) =>
    cert === undefined || key === undefined
      ? null
      : readPair(check, `${path}.certificates[${i}]`, fileOf(cert), fileOf(key)),
  );
  if (values.acme === undefined && values.certificates === undefined)
    check.problem(`${path}.certificates`, 'is required, unless there is acme');
  if (values.certificates?.length === 0) check.problem(`${path}.certificates`, 'must have at least one');
  const acme = values.acme === undefined ? null : planAcme(check, `${path}.acme`, values.acme, fileOf);
  const { clientCertificates: clients } = values;
  const ca =
    clients?.ca === undefined
      ? null
      : readAuthorities(check, `${path}.clientCertificates.ca`, fileOf(clients.ca));
  const read = certificates.filter((certificate) => certificate !== null);
  if (read.length < certificates.length || (read.length === 0 && acme === null)) return null;
  checkKinds(check, path, read);
  const settings: TlsSettings = {
    certificates: read,
    minVersion: values.minVersion,
    clients: ca === null ? null : { ca, required: clients?.mode === 'required' },
  };
  return check.parsed(path, settings, null, (given) => {
    void new SecureContexts(given);
    return { settings: given, acme };
  });
}

const readAuthorities = (check: Checker, path: string, file: string): string | null =>
  check.parsed(path, file, null, (given) => readCertificates(given));

function planAcme(check: Checker, path: string, values: AcmeValues, fileOf: FileOf): AcmeSettings | null {
  const { domains, storage, directory, email, externalAccount, ca } = values;
  if (domains?.length === 0) check.problem(`${path}.domains`, 'must have at least one');
  if (!URL.canParse(directory)) check.problem(`${path}.directory`, 'is not a URL');
  if (domains === undefined || storage === undefined) return null;
  const folder = fileOf(storage);
  if (!isWritable(folder)) check.problem(`${path}.storage`, `is a folder that cannot be written: ${folder}`);
  const { keyId, key } = externalAccount ?? {};
  return {
    domains: [...new Set(domains)],
    directory,
    email: email ?? null,
    challenge: values.challenge,
    storage: folder,
    externalAccount:
      keyId === undefined || key === undefined ? null : { keyId, key: Buffer.from(key, 'base64url') },
    ca: ca === undefined ? null : readAuthorities(check, `${path}.ca`, fileOf(ca)),
  };
}

/** Whether files can be created in a folder, or in the one that it would be created in. */
function isWritable(folder: string): boolean {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
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
