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
    setText(byId('connection-text'), describe(this.#connection));
  }
}

function describe(connection: Connection): string {
  switch (connection.state) {
    case 'connecting':
      return 'Connecting…';
    case 'live':
      return 'Live';
    case 'signed-out':
      return 'Signed out';
    case 'lost': {
      const left = connection.retryAt - performance.now();
      return left > 1000
        ? `Connection lost, next attempt in ${formatDuration(left)}`
        : 'Connection lost, connecting…';
    }
  }
}
