import type { Outcome } from 'sluiceway';
import type { Level } from './entry.js';

const LEVEL_OF: Readonly<Record<Outcome, Level>> = {
  completed: 'info',
  answered: 'info',
  client_aborted: 'info',
  client_stalled: 'info',
  rejected: 'warn',
  blocked: 'warn',
  limited: 'warn',
  shutdown: 'warn',
  upstream_refused: 'error',
  upstream_timeout: 'error',
  upstream_truncated: 'error',
  upstream_stalled: 'error',
  upstream_invalid: 'error',
  internal: 'error',
};

/** How serious the end of a transfer is. Clients leave all the time; a server that fails needs its operator. */
export const levelOf = (outcome: Outcome): Level => LEVEL_OF[outcome];
