import type { Probe } from '../probe.js';
import { heldResponses, heldUploads, storedResponses } from './buffering.js';
import { passedFieldsProbe } from './fields.js';
import { http2Downloads, protocols } from './http2.js';
import { brokenDownloads, brokenUploads, repeatedRequests } from './integrity.js';
import { expectations, extras, headSizes } from './messages.js';
import { outrunUploads } from './outrun.js';
import { compression, headRequests, paths, ranges, redirects } from './semantics.js';
import {
  clientSilence,
  contentSilence,
  headSilence,
  steadyDownload,
  steadyUpload,
  tunnels,
  uploadSilence,
} from './silence.js';
import { largeDownload, largeUpload } from './sizes.js';

/** All probes through an echo origin, in the order of their cost. */
export const probes: readonly Probe[] = [
  passedFieldsProbe,
  protocols,
  headRequests,
  redirects,
  paths,
  ranges,
  compression,
  extras,
  expectations,
  headSizes,
  brokenDownloads,
  http2Downloads,
  brokenUploads,
  repeatedRequests,
  heldResponses,
  heldUploads,
  largeDownload,
  largeUpload,
  outrunUploads,
  storedResponses,
  headSilence,
  contentSilence,
  clientSilence,
  uploadSilence,
  steadyDownload,
  steadyUpload,
  tunnels,
];
