import { hostField } from '../../http/target.js';
import { type Destination, dialledHost } from '../../net/destination.js';

/** Where a dispatcher connects to. It takes the name for TLS from the field Host. */
export const originOf = (destination: Destination): string =>
  `${destination.protocol}//${hostField(dialledHost(destination), destination.port, destination.protocol)}`;
