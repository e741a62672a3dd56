import { byId, setText } from './dom.js';
import { formatDuration } from './format.js';
import type { Connection } from './live-stream.js';

/** Says in the bar whether what the page shows is live. */
export class ConnectionView {
  #connection: Connection = { state: 'connecting' };

  /** Returns a sentence for screen readers if they should know; null otherwise. */
  show(connection: Connection): string | null {
    const before = this.#connection.state;
    this.#connection = connection;
    const { state } = connection;
    byId('connection').dataset['state'] = state;
    document.body.classList.toggle('stale', state === 'lost' || state === 'signed-out');
    byId('retry-now').hidden = state !== 'lost';
    this.tick();
    if (state === 'lost' && before === 'live') return 'The connection to the server was lost.';
    return state === 'live' && before === 'lost' ? 'The connection is back.' : null;
  }

  /** Counts down to the next attempt. */
  tick(): void {
    const { text, next } = describe(this.#connection);
    setText(byId('connection-text'), text);
    setText(byId('connection-next'), next);
  }
}

/** `next` has no room on a narrow page. */
function describe(connection: Connection): { text: string; next: string } {
  switch (connection.state) {
    case 'connecting':
      return { text: 'Connecting…', next: '' };
    case 'live':
      return { text: 'Live', next: '' };
    case 'signed-out':
      return { text: 'Signed out', next: '' };
    case 'lost': {
      const left = connection.retryAt - performance.now();
      return {
        text: 'Connection lost',
        next: left > 1000 ? `, next attempt in ${formatDuration(left)}` : ', connecting…',
      };
    }
  }
}
