/** What is looked at, and what is kept. */
const MAX_INPUT = 2000;
const MAX_LENGTH = 500;

const URL_PARTS = /([a-z][a-z\d+.-]{0,20}:\/\/)(?:[^\s/?#"'<>]*@)?([^\s/?#"'<>@]*)([^\s"'<>]*)/gi;
const QUERY = /\?[^\s"'<>]{1,2000}/g;
const CREDENTIALS = /\b(basic|bearer|negotiate|ntlm)[ \t]+(?=[^\s]{0,2000}[\d+/=])[^\s"']+/gi;
const CREDENTIAL_FIELD = /\b((?:proxy-)?authorization|(?:set-)?cookie)([ \t]{0,4}[=:]).*/gi;
const NAMED_SECRET =
  /\b(password|passwd|secret|token|signature|api[-_]?key)(["']?[ \t]{0,4}[=:][ \t]{0,4})[^\s,;]+/gi;

/**
 * The message of an error as the record of a transfer has it. It may be the text of a hook or of a library, so that what
 * may hold a secret is left out: of a URL all but scheme, host and port, every query, and credentials. It may name
 * internal addresses, and is for the operator only.
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
