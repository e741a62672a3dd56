import type { AnySpec, InputOf, Spec, ValueOf } from 'sluiceway/options';

/** A group that is undefined if it is absent, instead of having the defaults of its members. */
export function optional<S extends AnySpec>(
  spec: S,
  doc: string,
): Spec<InputOf<S>, ValueOf<S> | undefined, false> {
  return {
    ...spec,
    doc,
    defaultText: 'none',
    required: false,
    read: (check, path, value) =>
      value === undefined ? undefined : (spec.read(check, path, value) as ValueOf<S>),
  } as Spec<InputOf<S>, ValueOf<S> | undefined, false>;
}
