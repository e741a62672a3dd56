import { serve } from '@hono/node-server';
import { handler } from './handler.js';

serve({ fetch: handler, port: Number(process.env.PORT ?? 8080), hostname: '127.0.0.1' });
