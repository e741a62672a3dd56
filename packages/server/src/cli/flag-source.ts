import type { OptionProblem } from 'sluiceway';
import type { ConfigSource } from '../config/source.js';
import { inFlagWords } from './option-flags.js';
import { UsageError } from './usage-error.js';

/** The flags of options that the library does not have, such as `listeners` and `access`, by the start of the path. */
const flagsOfServer: readonly (readonly [path: RegExp, flag: string])[] = [
  [/^listeners\[0\]\.address/, '--listen'],
  [/^listeners\[1\]\.address/, '--h2c'],
  [/^listeners\[\d\]\.proxyProtocol/, '--proxy-protocol'],
  [/^listeners\[0\]\.tls\.certificates\[0\]\.key/, '--key'],
  [/^listeners\[0\]\.tls/, '--cert'],
  [/^routes\[0\]\.access\b.*\bbearer/, '--access-token-file'],
  [/^routes\[0\]\.access\b.*\bbasic/, '--basic-file'],
  [/^workers/, '--workers'],
  [/^store/, '--store'],
  [/^admin\.access/, '--admin-token-file'],
  [/^admin/, '--admin'],
  [/^drainDelay/, '--drain-delay'],
  [/^routes\[0\]\.access\b.*\bjwt/, '--jwt-keys'],
  [/^routes\[0\]\.access\b.*\bforwardAuth\.copyHeaders/, '--forward-auth-header'],
  [/^routes\[0\]\.access\b.*\bforwardAuth/, '--forward-auth'],
  [/^drainTimeout/, '--drain-timeout'],
  [/^log\.output/, '--log-output'],
  [/^log\.errors/, '--log-errors'],
  [/^log\.level/, '--log-level'],
  [/^log/, '--log'],
];

/** The configuration that flags set. Its problems name flags. */
export class FlagSource implements ConfigSource {
  readonly value: unknown;
  readonly written: unknown;
  readonly directory = process.cwd();
  readonly #flagOf: Readonly<Record<string, string>>;

  /** `flagOf` has the flag of each option of the library. */
  constructor(value: unknown, flagOf: Readonly<Record<string, string>>) {
    this.value = value;
    this.written = value;
    this.#flagOf = flagOf;
  }

  toError(problems: readonly OptionProblem[]): UsageError {
    const lines = problems.map(({ path, message }) => `${this.#nameOf(path)}: ${inFlagWords(message)}`);
    // Two listeners can have a problem with the same flag.
    return new UsageError([...new Set(lines)].join('; '));
  }

  #nameOf(path: string): string {
    const server = flagsOfServer.find(([pattern]) => pattern.test(path));
    if (server !== undefined) return server[1];
    const option = path.replace(/^routes\[0\]\.(?:proxy|gateway)\.?/, '').replace(/\[\d+\]$/, '');
    return this.#flagOf[option] ?? option;
  }
}
