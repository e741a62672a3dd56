/** An object that knows its place in the one `PlacedList` that it is in. */
export interface Placed {
  place: number;
}

/**
 * Objects that come and go with each request. A `Set` or `Map` would keep them alive after they are gone: V8 links each hash
 * table that is outgrown to its successor, so once one of them is old, all later ones and the objects in them live until
 * the next collection of the whole heap.
 */
export class PlacedList<T extends Placed> {
  /** When one leaves, the last one moves to its place. */
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** In no particular order. */
  get all(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    item.place = this.#items.push(item) - 1;
  }

  /** Returns whether it was there. */
  delete(item: T): boolean {
    if (this.#items[item.place] !== item) return false;
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#items[item.place] = last;
      last.place = item.place;
    }
    return true;
  }
}
