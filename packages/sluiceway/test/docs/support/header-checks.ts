import { expect } from 'vitest';
import type { Check } from './example.js';

/** Checks of the examples with the options in `fields`. */
export const headerChecks: Readonly<Record<string, Check>> = {
  'rules change fields of requests and responses': async (example) => {
    const running = await example.run();
    const { head } = await running.send('/moved', {
      fields: ['Cookie: a=1', 'X-Storage-Key: of the client'],
    });
    const seen = example.origin.seen[0]?.fields;
    expect(seen).toMatchObject({ host: 'test', 'x-storage-key': 'example' });
    expect(seen).not.toHaveProperty('cookie');
    expect(head.get('strict-transport-security')).toBe('max-age=31536000');
    expect(head.get('set-cookie')).toBe('session=1; Secure');
    expect(head.get('location')).toBe('/elsewhere');
    expect(head.get('vary')).toBe('Origin');
    for (const name of ['server', 'x-powered-by']) expect(head.has(name)).toBe(false);
  },
};
