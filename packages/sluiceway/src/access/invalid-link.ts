import { SluicewayError } from '../errors.js';
import type { ResolvedKey } from './keys.js';

/**
 * Creates a `link_invalid` error. `reason` completes a sentence. It is for the operator and repeats no part of the
 * link. Clients do not see it.
 */
export const invalidLink = (reason: string): SluicewayError =>
  new SluicewayError('link_invalid', `The link is not valid: ${reason}`);

/** The error for a signature that does not match its key. The id `''` stands for all unknown keys. */
export const wrongSignature = ({ id }: ResolvedKey): SluicewayError =>
  invalidLink(
    id === ''
      ? 'it needs a key that is not here'
      : `it has been changed, or made with another key of the id ${id}`,
  );
