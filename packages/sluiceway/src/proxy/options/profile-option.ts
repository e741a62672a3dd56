import { custom } from '../../options/kinds.js';
import { type Profile, passThrough, thirdParty } from './profiles.js';

const keys = Object.keys(passThrough) as (keyof Profile)[];

export const profileOption = custom<Profile | 'passThrough' | 'thirdParty', Profile>({
  type: "`'passThrough'`, `'thirdParty'` or an object",
  defaultText: "`'passThrough'`",
  doc: 'What is let through: see [profiles](#profiles). A reverse proxy is in front of your own servers, so everything end-to-end passes.',
  // An object contains sets of names, which a configuration file cannot contain.
  schema: { enum: ['passThrough', 'thirdParty'] },
  read: (check, path, value) => {
    if (typeof value === 'object' && value !== null) {
      const profile = value as Profile;
      check.unknownKeys(path, profile, keys);
      for (const key of keys) check.required(`${path}.${key}`, profile[key]);
      return profile;
    }
    const name = check.oneOf(path, value, ['passThrough', 'thirdParty'], 'passThrough');
    return name === 'thirdParty' ? thirdParty : passThrough;
  },
});
