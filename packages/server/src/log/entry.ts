/** How serious a line of a log is. */
export const LEVELS = ['info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** Something that happened outside of transfers. */
export interface LogEntry {
  level: Level;
  /** What happened, such as `tls`: entries of one kind are limited together. */
  event: string;
  message: string;
  /** The client's address; null if it is not known or there is none. */
  clientAddress: string | null;
  /** Node's error code; empty if there is none. */
  code: string;
}

/** Formats an entry as one line of JSON, without a line end. */
export const formatEntryJson = ({ level, event, message, clientAddress, code }: LogEntry): string =>
  visible(
    JSON.stringify({
      time: new Date().toISOString(),
      level,
      event,
      clientAddress,
      error: code === '' ? null : code,
      message,
    }),
  );

/** Formats an entry as a line for people, without a line end. */
export function formatEntryText({ level, message, clientAddress, code }: LogEntry): string {
  const who = clientAddress === null ? '' : ` (client ${clientAddress})`;
  const reason = code === '' || message.includes(code) ? '' : ` [${code}]`;
  return visible(`sluiceway: ${new Date().toISOString()} ${level}: ${message}${reason}${who}`);
}

/** Escapes what could end a line or command a terminal. */
const visible = (line: string): string =>
  line.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
