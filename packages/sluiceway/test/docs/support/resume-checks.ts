import { expect } from 'vitest';
import { seededBytes } from '../../support/content.js';
import { rangedOrigin } from '../../support/ranged-origin.js';
import { startOrigin } from '../../support/raw-origin.js';
import { sized } from '../../support/through.js';
import type { Check } from './example.js';

/** For docs/resuming.md. */
export const resumeChecks: Readonly<Record<string, Check>> = {
  'a transfer moves to a mirror in the middle of the file': async (example) => {
    const file = seededBytes('example', 0, 100_000);
    const cut = await startOrigin(
      rangedOrigin(file, ({ index }) => ({ bytes: index === 0 ? 30_000 : 0, ending: 'end' })),
    );
    const whole = await startOrigin(rangedOrigin(file, () => 'whole'));
    example.replacements.set('https://eu.files.example.com', cut.url);
    example.replacements.set('https://us.files.example.com', whole.url);
    try {
      const running = await example.run((code) =>
        code.replace('createStreamer()', "createStreamer({ addresses: 'any' })"),
      );
      const response = await running.send('/');
      expect(response.content.equals(file)).toBe(true);
      expect(whole.total).toBe(1);
    } finally {
      await Promise.all([cut.stop(), whole.stop()]);
    }
  },

  'a transfer goes on at the URL that refreshTarget gives': async (example) => {
    const file = seededBytes('example', 0, 100_000);
    const bucket = await startOrigin(
      rangedOrigin(file, ({ index, head }) => {
        if (index === 0) return { bytes: 30_000, ending: 'end' };
        return head.target.endsWith('?signature=new') ? 'whole' : sized('', [], 'HTTP/1.1 403 Expired');
      }),
    );
    example.replacements.set('https://bucket.example.com', bucket.url);
    try {
      const response = await (await example.run()).send('/disk.img?signature=old');
      expect(response.content.equals(file)).toBe(true);
    } finally {
      await bucket.stop();
    }
  },
};
