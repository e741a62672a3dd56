/** Begins the tasks in their order, `width` of them at a time. Each result is there as soon as its task is done. */
export function atATime<T>(width: number, tasks: readonly (() => Promise<T>)[]): Promise<T>[] {
  const lanes: Promise<unknown>[] = [];
  return tasks.map((task, index) => {
    const result = (lanes[index % width] ?? Promise.resolve()).then(task);
    // A task that fails holds up nobody, and may fail before anybody asks.
    lanes[index % width] = result.catch(() => {});
    return result;
  });
}
