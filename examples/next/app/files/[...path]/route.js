import { stripPrefix } from 'sluiceway';
import { toRouteHandlers } from 'sluiceway/fetch';
import { files } from '../../../files.js';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

// Next.js closes the connection if a response breaks off, so the client can tell.
export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(
  stripPrefix('/files', files),
  {
    allowUndetectableTruncation: true,
  },
);
