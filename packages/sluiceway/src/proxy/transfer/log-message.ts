/** Characters of the message that are read, and characters that are kept. */
const MAX_INPUT = 2000;
const MAX_LENGTH = 500;

const URL_PARTS = /([a-z][a-z\d+.-]{0,20}:\/\/)(?:[^\s/?#"'<>]*@)?([^\s/?#"'<>@]*)([^\s"'<>]*)/gi;
const QUERY = /\?[^\s"'<>]{1,2000}/g;
const CREDENTIALS = /\b(basic|bearer|negotiate|ntlm)[ \t]+(?=[^\s]{0,2000}[\d+/=])[^\s"']+/gi;
const CREDENTIAL_FIELD = /\b((?:proxy-)?authorization|(?:set-)?cookie)([ \t]{0,4}[=:]).*/gi;
const NAMED_SECRET =
  /\b(password|passwd|secret|token|signature|api[-_]?key)(["']?[ \t]{0,4}[=:][ \t]{0,4})[^\s,;]+/gi;

/**
 * Returns the message of an error for the record of a transfer. The message may come from a hook or a library, so parts
 * that may hold secrets are removed: credentials, queries, and all of a URL except scheme, host and port. The result may
 * name internal addresses, and is for the operator only.
 */
export function toLogMessage(message: string): string {
  const text = message
    .slice(0, MAX_INPUT)
    .replace(URL_PARTS, (_url, scheme: string, host: string, rest: string) =>
      rest === '' || rest === '/' ? scheme + host : `${scheme}${host}/…`,
    )
    .replace(QUERY, '?…')
    .replace(CREDENTIAL_FIELD, '$1$2 …')
    .replace(CREDENTIALS, '$1 …')
    .replace(NAMED_SECRET, '$1$2…');
  return text.length > MAX_LENGTH || message.length > MAX_INPUT ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
