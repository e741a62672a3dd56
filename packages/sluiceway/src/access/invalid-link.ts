import { SluicewayError } from '../errors.js';
import type { ResolvedKey } from './keys.js';

/** `reason` goes on after "it", is for the operator, and repeats nothing of the link. Clients are told none of it. */
export const invalidLink = (reason: string): SluicewayError =>
  new SluicewayError('link_invalid', `The link is not valid: ${reason}`);

/** What does not fit its key; `''` is the id of the one that stands for unknown keys. */
export const wrongSignature = ({ id }: ResolvedKey): SluicewayError =>
  invalidLink(
    id === ''
      ? 'it needs a key that is not here'
      : `it has been changed, or made with another key of the id ${id}`,
  );
