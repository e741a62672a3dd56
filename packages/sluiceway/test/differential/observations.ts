import { withoutWords } from './exchange.js';
import { type SeenMessage, type Trace, valuesOf } from './trace.js';

/**
 * Fields that every proxy writes in its own way: those of its connections, those that name it or the client, and
 * the framing, which is compared as such.
 */
const OWN_FIELDS = new Set([
  'cdn-loop',
  'connection',
  'content-length',
  'date',
  'host',
  'keep-alive',
  'server',
  'transfer-encoding',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-from',
]);

/** Named facts of one side of an exchange. */
type Facts = ReadonlyMap<string, string>;

/** What a proxy passed on, or how it refused to. */
interface Observation {
  /** Null where the origin server saw no request. */
  request: Facts | null;
  /** The responses that the origin server made, as the client saw them; null where there is none. */
  response: Facts | null;
  /** The status of an answer of the proxy's own. */
  ownStatus: string | null;
  afterwards: string;
}

/** What each proxy did with one exchange, in a few words: only that in which they are not all alike. */
export function compare(traces: readonly Trace[]): string[] {
  const observations = traces.map(observe);
  const requests = observations.map(({ request }) => request);
  const responses = observations.map(({ response }) => response);
  const ends = new Set(observations.map(({ afterwards }) => afterwards));
  return observations.map(({ request, response, ownStatus, afterwards }) => {
    const parts: string[] = [];
    if (request !== null) parts.push(...differing(request, requests));
    if (response !== null) parts.push(...differing(response, responses));
    if (ownStatus !== null) parts.push(`answers ${ownStatus}${request === null ? ' itself' : ''}`);
    else if (response === null) parts.push(request === null ? 'drops it' : 'no answer');
    if (ends.size > 1) parts.push(afterwards);
    return parts.length === 0 ? 'passes' : parts.join('; ');
  });
}

/** The facts in which the given ones are not like all of those that there are, and that something was cut. */
function differing(facts: Facts, all: readonly (Facts | null)[]): string[] {
  const present = all.filter((each) => each !== null);
  const names = new Set(present.flatMap((each) => [...each.keys()]));
  return [...names].flatMap((name) => {
    const values = new Set(present.map((each) => each.get(name)));
    const fact = facts.get(name) ?? 'none';
    // What was cut is said, whatever the others have.
    return values.size === 1 && fact !== 'cut' ? [] : [`${name}: ${fact}`];
  });
}

function observe(trace: Trace): Observation {
  const relayed = trace.responses.filter(({ lines }) => valuesOf(lines, 'x-from').length > 0);
  const interim = trace.responses.filter(isInterim);
  const own = trace.responses.find((each) => !relayed.includes(each) && !isInterim(each));
  return {
    request: trace.requests.length === 0 ? null : requestFacts(trace.requests),
    response: relayed.length === 0 ? null : responseFacts(relayed, interim),
    ownStatus: own?.startLine.split(' ')[1] ?? null,
    afterwards: trace.afterwards,
  };
}

const isInterim = ({ startLine }: SeenMessage): boolean => /^HTTP\/1\.\d 1/.test(startLine);

function requestFacts(requests: readonly SeenMessage[]): Facts {
  const facts = new Map([['requests', String(requests.length)]]);
  const [request] = requests;
  if (request === undefined) return facts;
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/\d\.\d$/.exec(request.startLine) ?? [];
  facts.set('method', method);
  facts.set('target', code(target));
  facts.set('Host', String(valuesOf(request.lines, 'host').length));
  addMessage(facts, request);
  return facts;
}

function responseFacts(responses: readonly SeenMessage[], interim: readonly SeenMessage[]): Facts {
  const facts = new Map([['responses', String(responses.length)]]);
  for (const { startLine, lines } of interim) {
    const status = startLine.split(' ')[1] ?? '';
    facts.set(status, fieldsOf(lines) || 'without fields');
  }
  const [response] = responses;
  if (response === undefined) return facts;
  facts.set('status line', code(response.startLine.replace(/^HTTP\/1\.\d /, '')));
  addMessage(facts, response);
  return facts;
}

function addMessage(facts: Map<string, string>, message: SeenMessage): void {
  for (const [name, values] of foreignFields(message.lines)) {
    facts.set(code(name), values.map(code).join(' '));
  }
  const announced = valuesOf(message.lines, 'content-length').length > 0;
  facts.set(
    'framing',
    message.framing === 'none' && announced ? 'a length without content' : message.framing,
  );
  facts.set('content', message.complete ? code(message.content) : 'cut');
  facts.set('trailers', fieldsOf(message.trailers) || 'none');
}

/** The fields that no proxy writes in its own way, by name in lower case. */
function foreignFields(lines: readonly string[]): Map<string, string[]> {
  const names = lines.map((line) => line.slice(0, Math.max(0, line.indexOf(':'))).toLowerCase());
  const foreign = [...new Set(names)].filter((name) => !OWN_FIELDS.has(name));
  return new Map(foreign.map((name) => [name, valuesOf(lines, name)]));
}

const fieldsOf = (lines: readonly string[]): string =>
  [...foreignFields(lines)]
    .flatMap(([name, values]) => values.map((value) => code(`${name}: ${value}`)))
    .join(' ');

/** Bytes as they can be read in a table: without what was drawn, and not too many. */
function code(text: string): string {
  const plain = JSON.stringify(withoutWords(text)).slice(1, -1);
  return `\`${plain.length > 60 ? `${plain.slice(0, 40)}… (${plain.length})` : plain}\``;
}
