/** The result of a hook or a store, immediate or later. */
export type MaybePromise<T> = T | Promise<T>;
