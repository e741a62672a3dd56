/** What a hook or a store gives back, at once or later. */
export type MaybePromise<T> = T | Promise<T>;
