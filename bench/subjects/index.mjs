// @ts-check
import { go } from './go.mjs';
import { haproxy } from './haproxy.mjs';
import { nginx, nginxUnbuffered } from './nginx.mjs';
import { nodePeers } from './node-peers.mjs';
import { sluiceways } from './sluiceway.mjs';

/** @type {import('../lib/types.mjs').Subject[]} */
export const subjects = [...sluiceways, nginx, nginxUnbuffered, haproxy, go, ...nodePeers];
