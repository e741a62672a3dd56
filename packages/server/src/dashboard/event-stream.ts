/** One event of a stream (HTML Living Standard, section 9.2). */
export interface StreamEvent {
  type: string;
  data: string;
  id: string;
}

/**
 * Parses `text/event-stream`. `EventSource` cannot send an `Authorization` field, so the page reads the stream with
 * `fetch`.
 */
export class EventParser {
  /** The beginning of a line, in pieces. */
  #rest: string[] = [];
  #type = '';
  #data: string[] = [];
  #id = '';

  /** Returns the events that are complete with this text. */
  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      if (end === -1) break;
      this.#rest.push(text.slice(start, end));
      const line = this.#rest.join('').replace(/\r$/, '');
      this.#rest = [];
      if (line === '') this.#dispatch(events);
      else this.#read(line);
      start = end + 1;
    }
    if (start < text.length) this.#rest.push(text.slice(start));
    return events;
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data.length > 0)
      events.push({
        type: this.#type === '' ? 'message' : this.#type,
        data: this.#data.join('\n'),
        id: this.#id,
      });
    this.#type = '';
    this.#data = [];
  }

  #read(line: string): void {
    const colon = line.indexOf(':');
    // A line that begins with a colon is a comment.
    if (colon === 0) return;
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id') this.#id = value;
  }
}
