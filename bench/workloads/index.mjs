// @ts-check
import { firstByte } from './first-byte.mjs';
import { slowClients } from './slow-clients.mjs';
import { small } from './small.mjs';
import { stalledClient } from './stalled-client.mjs';
import { transfers } from './transfers.mjs';
import { tunnel } from './tunnel.mjs';

/** @type {import('../lib/types.mjs').Workload[]} */
export const workloads = [...transfers, tunnel, small, firstByte, slowClients, stalledClient];
