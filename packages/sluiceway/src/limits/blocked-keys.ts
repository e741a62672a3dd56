/** When blocked keys are free again, in milliseconds since 1970, by the shared name of their rule, which may come later. */
export class BlockedKeys {
  readonly #all = new Map<string, Map<string, number>>();

  of(rule: string): Map<string, number> {
    const known = this.#all.get(rule);
    if (known !== undefined) return known;
    const created = new Map<string, number>();
    this.#all.set(rule, created);
    return created;
  }
}
