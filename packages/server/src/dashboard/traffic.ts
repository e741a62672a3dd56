import { type Api, ApiError } from './api.js';
import { byId } from './dom.js';
import { toast } from './notices.js';

/** In the demonstration, buttons make traffic. */
export function prepareTraffic(api: Api): void {
  if (document.documentElement.dataset['demo'] === undefined) return;
  byId('make-traffic').hidden = false;
  for (const id of ['make-traffic', 'empty-traffic'])
    byId(id).addEventListener('click', () => void makeTraffic(api));
}

async function makeTraffic(api: Api): Promise<void> {
  try {
    const { started } = await api.post<{ started: number }>('/api/demo/traffic');
    toast(`${started} downloads have started. One of the origin servers breaks off every few seconds.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, 'bad');
  }
}
