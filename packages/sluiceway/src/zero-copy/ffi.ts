import { isMainThread } from 'node:worker_threads';

// `node:ffi` is experimental, and not part of the types of the oldest supported Node. These are the parts that are used
// here, as in Node 26.7 and newer.

type NativeType = 'void' | 'int32' | 'uint32' | 'uint64' | 'pointer';

interface Signature {
  arguments: readonly NativeType[];
  return: NativeType;
}

export interface NativeLibrary {
  getFunction(name: string, signature: Signature): (...args: (number | bigint)[]) => number | bigint;
  registerCallback(signature: Signature, callback: (...args: (number | bigint)[]) => void): bigint;
}

export interface Ffi {
  DynamicLibrary: new (path: null) => NativeLibrary;
  /** The address of this thread's `uv_loop_t`. */
  getCurrentEventLoop(): bigint;
  getInt32(address: bigint): number;
  /** A view of native memory, not a copy. */
  toBuffer(address: bigint, length: number, copy: false): Buffer;
}

/** `process.getBuiltinModule`, since Node 20.16. Loads a built-in module when it is called. */
interface WithBuiltinModules {
  getBuiltinModule?(name: string): unknown;
}

/** Zero copy is not available. The message says why. */
export class Unavailable extends Error {}

/** Loads `node:ffi`. Throws `Unavailable`. */
export function loadFfi(): Ffi {
  if (process.platform !== 'linux') throw new Unavailable(`it needs Linux, but this is ${process.platform}`);
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    throw new Unavailable(`it needs an x64 or arm64 processor, but this is ${process.arch}`);
  // The poll handle would outlive the event loop of a worker that is terminated.
  if (!isMainThread) throw new Unavailable('it needs the main thread, but this is a worker thread');
  const ffi = load();
  if (typeof ffi.getCurrentEventLoop !== 'function')
    throw new Unavailable(`it needs Node 26.7 or newer, but this is ${process.version}`);
  return ffi as Ffi;
}

function load(): Partial<Ffi> {
  const { getBuiltinModule }: WithBuiltinModules = process;
  const ffi: unknown = getBuiltinModule?.('node:ffi');
  if (typeof ffi === 'object' && ffi !== null) return ffi;
  const isOld = Number.parseInt(process.versions.node, 10) < 26;
  throw new Unavailable(
    isOld
      ? `it needs Node 26.7 or newer, but this is ${process.version}`
      : 'node:ffi is turned off (--no-experimental-ffi), or this build of Node does not have it',
  );
}

/** Converts an error from loading a library or a function into a message for the operator. */
export function toUnavailable(error: unknown): Unavailable {
  if (error instanceof Unavailable) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ERR_ACCESS_DENIED')
    return new Unavailable('the permission model forbids it; start Node with --allow-ffi');
  return new Unavailable(error instanceof Error ? error.message : String(error));
}
