import { isMainThread } from 'node:worker_threads';

// `node:ffi` is experimental, and the types of the oldest Node that we support do not have it. These are the parts that are
// used here, as Node 26.7 and newer have them.

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

/** `process.getBuiltinModule`, as of Node 20.16: loads a module of Node's at the moment of the call. */
interface WithBuiltinModules {
  getBuiltinModule?(name: string): unknown;
}

/** Zero copy cannot be had here; the message says why. */
export class Unavailable extends Error {}

/** Loads `node:ffi`. Throws `Unavailable`. */
export function loadFfi(): Ffi {
  if (process.platform !== 'linux') throw new Unavailable(`it needs Linux, and this is ${process.platform}`);
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    throw new Unavailable(`it needs a processor with x64 or arm64, and this is ${process.arch}`);
  // The poll handle would outlive the event loop of a worker that is terminated.
  if (!isMainThread) throw new Unavailable('it needs the main thread, and this is a worker thread');
  const ffi = load();
  if (typeof ffi.getCurrentEventLoop !== 'function')
    throw new Unavailable(`it needs Node 26.7 or newer, and this is ${process.version}`);
  return ffi as Ffi;
}

function load(): Partial<Ffi> {
  const { getBuiltinModule }: WithBuiltinModules = process;
  const ffi: unknown = getBuiltinModule?.('node:ffi');
  if (typeof ffi === 'object' && ffi !== null) return ffi;
  const isOld = Number.parseInt(process.versions.node, 10) < 26;
  throw new Unavailable(
    isOld
      ? `it needs Node 26.7 or newer, and this is ${process.version}`
      : 'node:ffi is turned off (--no-experimental-ffi), or this build of Node is without it',
  );
}

/** Why loading a library or a function has failed, in words for the operator. */
export function toUnavailable(error: unknown): Unavailable {
  if (error instanceof Unavailable) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ERR_ACCESS_DENIED')
    return new Unavailable('the permission model forbids it; start Node with --allow-ffi');
  return new Unavailable(error instanceof Error ? error.message : String(error));
}
