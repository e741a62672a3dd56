import { createProxy } from 'sluiceway';

export const files = createProxy({ upstream: process.env.ORIGIN ?? 'http://127.0.0.1:9000' });
