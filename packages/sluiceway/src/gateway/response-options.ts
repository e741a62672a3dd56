import { custom } from '../options/kinds.js';

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/(?:[a-z0-9!#$&^_.+-]+|\*)$/;

/** In lower case. */
export const mediaType = custom<string, string | undefined>({
  type: 'media types',
  schema: { type: 'string', pattern: '/' },
  read: (check, path, value) => {
    const lower = typeof value === 'string' ? value.toLowerCase() : '';
    if (MEDIA_TYPE.test(lower)) return lower;
    check.problem(path, "must be a media type such as 'video/mp4' or 'video/*'");
    return undefined;
  },
});
