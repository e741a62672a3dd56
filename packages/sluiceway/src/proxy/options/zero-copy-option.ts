import { custom } from '../../options/kinds.js';
import { prepareZeroCopy } from '../../zero-copy/zero-copy.js';

type ZeroCopyOption = boolean | 'auto';

let hasWarned = false;

export const zeroCopyOption = custom<ZeroCopyOption, boolean>({
  type: "`'auto'`, `true` or `false`",
  defaultText: '`false`',
  schema: { anyOf: [{ enum: ['auto'] }, { type: 'boolean' }] },
  doc: 'Whether the kernel moves content between plain TCP connections by `splice(2)`, so that it does not pass through this process: see [zero copy](embedding.md#zero-copy). This needs Linux and Node 26.7 or newer with `node:ffi`, which Node calls experimental; so it is off by default. If it is not available, `true` is a problem of the options, and `auto` falls back to copying, and emits one warning for the process, with the code `SLUICEWAY_ZERO_COPY_UNAVAILABLE`.',
  read: (check, path, value) => {
    if (value === undefined || value === false) return false;
    if (value !== true && value !== 'auto') {
      check.problem(path, `must be one of 'auto', true, false, not ${JSON.stringify(value) ?? typeof value}`);
      return false;
    }
    const reason = prepareZeroCopy();
    if (reason === null) return true;
    if (value === true) check.problem(path, `is not available: ${reason}`);
    else warnOnce(reason);
    return false;
  },
});

function warnOnce(reason: string): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(`Zero copy is not available, so content is copied: ${reason}`, {
    type: 'SluicewayZeroCopyWarning',
    code: 'SLUICEWAY_ZERO_COPY_UNAVAILABLE',
  });
}
