import { constants, fstatSync, openSync } from 'node:fs';
import { DescriptorSink, type Sink, StreamSink } from './sink.js';

/** Enough lines to make the cost of a write small. */
const FILE_BATCH = 64 * 1024;

/** POSIX keeps writes of up to PIPE_BUF bytes in one piece, even if several processes write to the pipe. */
const PIPE_BATCH = 4096;

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

const toSink = (fd: number, owns: boolean): Sink =>
  new DescriptorSink(fd, owns, isPipe(fd) ? PIPE_BATCH : FILE_BATCH);

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}
