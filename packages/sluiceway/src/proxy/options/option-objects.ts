import type { Checker } from '../../options/checker.js';
import type { Transport } from '../../upstream/transport.js';
import type { Transform } from '../messages/hooks.js';
import type { Observer } from '../transfer/transfer.js';

export function resolveObservers(
  check: Checker,
  observers: readonly Observer[] | undefined,
): readonly Observer[] {
  return check.list('observers', observers, (path, item) => {
    const observer = typeof item === 'object' && item !== null ? (item as Observer) : null;
    if (observer === null) check.problem(path, 'must be an object');
    check.func(`${path}.onTransferStart`, observer?.onTransferStart, undefined);
    check.func(`${path}.onTransferEnd`, observer?.onTransferEnd, undefined);
    check.func(`${path}.onResponseContent`, observer?.onResponseContent, undefined);
    return observer ?? {};
  });
}

export function checkTransform(check: Checker, transform: Transform | undefined): transform is Transform {
  const { changesContent, create } = check.group('transform', transform, ['changesContent', 'create']);
  if (typeof transform !== 'object' || transform === null) return false;
  check.required('transform.changesContent', changesContent);
  check.required('transform.create', create);
  if (typeof changesContent !== 'function')
    check.boolean('transform.changesContent', changesContent, undefined);
  check.func('transform.create', create, undefined);
  return true;
}

export function checkTransport(transport: Transport): Transport {
  const methods: unknown[] = [transport?.send, transport?.close, transport?.destroy];
  if (methods.every((method) => typeof method === 'function')) return transport;
  throw new TypeError('must have the methods send, close and destroy');
}
