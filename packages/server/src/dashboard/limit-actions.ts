import type { Api } from './api.js';
import { ask } from './confirm.js';
import { countOf } from './format.js';
import { toast } from './notices.js';

/** How long a key can be blocked. */
const TIMES = [
  { value: '10m', text: '10 minutes' },
  { value: '1h', text: '1 hour' },
  { value: '24h', text: '24 hours' },
  { value: 'forever', text: 'For good' },
] as const;

const pathOf = (rule: string): string => `/api/limits/${encodeURIComponent(rule)}`;

interface KeyName {
  rule: string;
  /** Null: the dialog asks for it. */
  key: string | null;
  /** How many transfers it has; 0 if that is unknown. */
  transfers: number;
}

/** Asks whether and how long to block a key of a rule, and does. */
export function askToBlock(api: Api, { rule, key, transfers }: KeyName, onChange: () => void): void {
  const effect =
    transfers > 0
      ? `${countOf(transfers, 'transfer')} of it will be aborted. `
      : 'Its transfers are aborted. ';
  ask({
    title: key === null ? 'Block a key' : `Block ${key}?`,
    text: `${effect}Further requests get 403, on each route with the rule ${rule}.`,
    yes: 'Block',
    isDangerous: true,
    ...(key === null && { input: { label: 'Client address, user or other key' } }),
    choice: { legend: 'How long', options: TIMES, chosen: '1h' },
    act: async ({ choice, input }) => {
      const named = key ?? input;
      const { aborted } = await api.post<{ aborted: number }>(`${pathOf(rule)}/block`, {
        key: named,
        ...(choice !== 'forever' && { for: choice }),
      });
      toast(`${named} is blocked. ${countOf(aborted, 'transfer')} aborted.`);
      onChange();
    },
  });
}

/** Asks whether to end a block, and does. */
export function askToUnblock(
  api: Api,
  { rule, key }: { rule: string; key: string },
  onChange: () => void,
): void {
  ask({
    title: `Unblock ${key}?`,
    text: `Its requests are served again, on each route with the rule ${rule}.`,
    yes: 'Unblock',
    act: async () => {
      await api.post(`${pathOf(rule)}/unblock`, { key });
      toast(`${key} is not blocked any more.`);
      onChange();
    },
  });
}

/** Asks whether to revoke a link of a gateway, and does. `id` null: the dialog asks for the link. */
export function askToRevoke(api: Api, id: string | null): void {
  ask({
    title: id === null ? 'Revoke a link' : 'Revoke this link?',
    text: 'Its downloads break off, and further requests get 410. This cannot be undone.',
    yes: 'Revoke link',
    isDangerous: true,
    ...(id === null && { input: { label: 'The link, or its id' } }),
    act: async ({ input }) => {
      const link = id ?? input;
      const content = /^[\w-]{22}$/.test(link) ? { id: link } : { url: link };
      const { aborted } = await api.post<{ aborted: number }>('/api/links/revoke', content);
      toast(`The link is revoked. ${countOf(aborted, 'download')} aborted.`);
    },
  });
}
