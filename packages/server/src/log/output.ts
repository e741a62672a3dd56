import { constants, fstatSync, openSync } from 'node:fs';
import { DescriptorSink, PIPE_BUF, PipeSink, type Sink, StreamSink } from './sink.js';

/** Enough lines to make the cost of a write small. */
const MAX_BATCH = 64 * 1024;

/** Whether an output is `stdout` or `stderr`, and not a file. */
export const isStandard = (output: string): boolean => output === 'stdout' || output === 'stderr';

/** Opens `stdout`, `stderr` or a file, whose path is absolute. Throws the error of the file system. */
export function openOutput(output: string): Sink {
  if (output === 'stdout' || output === 'stderr') return openStandard(process[output]);
  // O_APPEND: several processes append whole lines.
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK;
  return toSink(openSync(output, flags, 0o640), true);
}

/**
 * A write to a pipe that has no reader blocks one of the few threads that Node has for files, and the process could not even
 * end. So a pipe or terminal is opened again without blocking, which Linux permits. Opening a file again would lose the
 * place in it.
 */
function openStandard(stream: NodeJS.WriteStream): Sink {
  const fd: unknown = Reflect.get(stream, 'fd');
  // An application, or a test, has replaced the stream.
  if (typeof fd !== 'number') return new StreamSink(stream);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return toSink(fd, false);
    return toSink(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), true);
  } catch {
    return toSink(fd, false);
  }
}

/** `owns`: this process has opened it, so that it does not block if it is a pipe. */
function toSink(fd: number, owns: boolean): Sink {
  if (!isPipe(fd)) return new DescriptorSink(fd, owns, MAX_BATCH);
  return owns ? new PipeSink(fd, owns, MAX_BATCH) : new DescriptorSink(fd, owns, PIPE_BUF);
}

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}
