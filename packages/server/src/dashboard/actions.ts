import type { Api } from './api.js';
import { ask } from './confirm.js';
import { formatRate } from './format.js';
import { toast } from './notices.js';
import { isUpload, type TransferItem } from './store.js';
import { bytesText } from './wording.js';

const pathOf = (id: string): string => `/api/transfers/${encodeURIComponent(id)}`;

/** Asks whether to abort a transfer, and does. */
export function askToAbort(api: Api, { data, name }: TransferItem): void {
  const kind = isUpload(data) ? 'upload' : 'download';
  ask({
    title: `Abort this ${kind}?`,
    text: `${name} of ${data.client ?? 'an unknown client'} has reached ${bytesText(data)}. The client sees that it breaks off.`,
    yes: `Abort ${kind}`,
    isDangerous: true,
    act: async () => {
      await api.post(`${pathOf(data.id)}/abort`, { reason: 'aborted from the dashboard' });
      toast(`${name} was aborted.`);
    },
  });
}

/** Asks for a limit of the rate of a transfer, and sets it. */
export function askForLimit(api: Api, { data, name }: TransferItem): void {
  ask({
    title: 'Limit the rate',
    text: `${name} of ${data.client ?? 'an unknown client'} gets at most this much from now on.`,
    yes: 'Set the limit',
    rate: { current: data.limit },
    act: async ({ rate }) => {
      const { limit } = await api.post<{ limit: number | null }>(`${pathOf(data.id)}/limit`, { rate });
      toast(limit === null ? `${name} has no limit now.` : `${name} is limited to ${formatRate(limit)}.`);
    },
  });
}
