import { either, group, list } from '../options/composites.js';
import { custom, oneOf } from '../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../options/spec.js';

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

/** Normalized as browsers write it: in lower case, without a default port. */
const origin = custom<string, string | undefined>({
  type: 'origins',
  schema: { type: 'string', pattern: '^https?://' },
  read: (check, path, value) => {
    if (typeof value === 'string' && /^https?:\/\/[^/?#@\s\\]+$/i.test(value) && URL.canParse(value))
      return new URL(value).origin;
    check.problem(path, "must be an origin such as 'https://app.example.com'");
    return undefined;
  },
});

const corsMembers = {
  origins: either(oneOf(['*'], {}), list(origin, {}), {
    required: true,
    type: "list of origins or `'*'`",
    takesSecond: (value) => value !== '*',
    doc: "Origins whose scripts may download, or `'*'` for all.",
  }),
};

export interface CorsOptions extends OptionsOf<typeof corsMembers> {}
type CorsValues = SettingsOf<typeof corsMembers>;

const corsGroup = group<CorsOptions, CorsValues>(corsMembers, {});

/** Null: scripts of other sites must not read responses. */
export const corsOption = custom<CorsOptions, CorsOptions | null>({
  type: 'object',
  doc: "`{ origins: ['https://app.example.com'] }` or `{ origins: '*' }`. Lets scripts of these sites download, and read length, range, name and validators of the response. Credentials are never allowed.",
  schema: corsGroup.schema(),
  members: corsMembers,
  read: (check, path, value) => {
    if (value === undefined) return null;
    const { origins } = corsGroup.read(check, path, value);
    return origins === undefined ? null : { origins };
  },
});
