import type { RequestHead } from '../../support/message-head.js';
import { cuts } from './cuts.js';
import { cut, type Draw, inTheMiddle } from './draw.js';
import type { Fault, Section } from './fault.js';
import { type Answer, answerHonestly, type LabFile, type Reply, refuse, withLine } from './reply.js';

const DATE = 'Tue, 01 Sep 2026 12:00:00 GMT';

/** How a kind of real origin server differs from the laboratory's own one. */
interface Profile {
  /** Servers of this kind. */
  name: string;
  etag: string | null;
  lastModified: string | null;
  /** Field lines that its responses do not have: those of all, and those of parts (206) only. */
  leavesOut?: readonly string[];
  leavesOutOfParts?: readonly string[];
  /** What it makes of `If-Range`. Default: it honours a strong tag or the date. */
  ifRange?: 'ignored' | 'answered with 304';
  /** It sends no more than so many bytes of the file in one part. */
  pieceBytes?: number;
}

/** The kinds of servers of docs/origin-servers.md. */
const profiles: readonly Profile[] = [
  { name: 'nginx, Apache, lighttpd, Caddy, yaws, flask, hapi', etag: '"6553-5f"', lastModified: DATE },
  {
    name: 'h2o, busybox, civetweb, tornado, aiohttp, WhiteNoise, Azurite',
    etag: '"6553-5f"',
    lastModified: DATE,
    ifRange: 'ignored',
  },
  { name: 'serve', etag: '"6553-5f"', lastModified: null, ifRange: 'ignored' },
  { name: 'express, @fastify/static, srvx, Tomcat', etag: 'W/"5f-19a"', lastModified: DATE },
  { name: 'http-server, sirv, vite', etag: 'W/"5f-19a"', lastModified: DATE, ifRange: 'ignored' },
  { name: 'Go, rclone, webfs, merecat, pyramid', etag: null, lastModified: DATE },
  { name: 'hono, twisted, bottle, CherryPy, unicorn', etag: null, lastModified: DATE, ifRange: 'ignored' },
  { name: 'Jetty, puma, thin', etag: null, lastModified: DATE, leavesOut: ['Date'], ifRange: 'ignored' },
  { name: 'Swift', etag: 'd41d8cd9', lastModified: DATE, ifRange: 'ignored' },
  {
    name: 'WEBrick',
    etag: '25096a-2dc-6b0',
    lastModified: DATE,
    leavesOutOfParts: ['Last-Modified'],
    ifRange: 'answered with 304',
  },
  { name: 'a server that sends pieces', etag: '"6553-5f"', lastModified: DATE, pieceBytes: 40_000 },
];

/** What a server of this kind answers. */
function answerAs(profile: Profile, file: LabFile, request: RequestHead): Reply {
  const isConditional = request.has('if-range');
  if (isConditional && profile.ifRange === 'answered with 304')
    return { ...refuse(304), content: Buffer.alloc(0) };
  const asked = profile.ifRange === 'ignored' ? without(request, 'if-range') : request;
  const reply = cutToPiece(profile, answerHonestly(file, asked), file);
  const left = [
    ...(profile.leavesOut ?? []),
    ...(reply.range === null ? [] : (profile.leavesOutOfParts ?? [])),
  ];
  return { ...reply, lines: left.reduce((lines, name) => withLine(lines, name, null), [...reply.lines]) };
}

function without(request: RequestHead, name: string): RequestHead {
  const hidden = Object.create(request) as RequestHead;
  hidden.get = (wanted) => (wanted.toLowerCase() === name ? undefined : request.get(wanted));
  return hidden;
}

function cutToPiece({ pieceBytes }: Profile, reply: Reply, { size }: LabFile): Reply {
  if (pieceBytes === undefined || reply.range === null) return reply;
  const [first, end] = reply.range;
  const last = Math.min(end, first + pieceBytes);
  return {
    ...reply,
    range: [first, last],
    lines: withLine(reply.lines, 'Content-Range', `Content-Range: bytes ${first}-${last - 1}/${size}`),
    content: reply.content.subarray(0, last - first),
  };
}

/** The same fault, at a server of this kind. */
function at(profile: Profile, fault: Fault, isReplaced = false): Fault {
  const { etag, lastModified } = profile;
  const { first = (honest: Reply): Answer => honest, later = (honest: Reply): Answer => honest } = fault.draw;
  const draw: Draw = {
    ...fault.draw,
    file: { ...fault.draw.file, etag, lastModified },
    first: (honest, dice, run) => first(leaveOut(profile, honest), dice, run),
    later: (_honest, context) =>
      later(answerAs(profile, { ...context.file, isReplaced }, context.request), context),
  };
  return { ...fault, name: `by ${profile.name}, ${fault.name}`, draw };
}

const leaveOut = ({ leavesOut = [] }: Profile, reply: Reply): Reply => ({
  ...reply,
  lines: leavesOut.reduce((lines, name) => withLine(lines, name, null), [...reply.lines]),
});

/** It is replaced by one of the same size and time, or its server keeps the head of the old one. */
const replaced: Fault = {
  name: 'cut, and the file was replaced under the same validators',
  expected: 'visible',
  draw: { first: cut(inTheMiddle, 'fin') },
};

const usable = cuts.filter(({ slow, draw }) => slow !== true && draw.file === undefined);
const sample = usable.filter(({ name }) =>
  /^(ended by FIN anywhere|cut 8 times|that fails several)/.test(name),
);

const sectionOf = (faults: readonly Fault[]): Section => ({
  heading: 'The origin server is one that people run',
  begins: 'a response',
  sources: 'Sluiceway',
  faults: profiles.flatMap((profile) => [
    ...faults.map((fault) => at(profile, fault)),
    at(profile, replaced, true),
  ]),
});

/** Some faults at each kind of server. Not in the table. */
export const profilesSample: Section = sectionOf(sample);

/** All of them. */
export const profilesInFull: Section = sectionOf(usable);
