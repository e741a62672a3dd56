/** Starts the tasks in order, `width` of them at a time. Each result settles as soon as its task is done. */
export function atATime<T>(width: number, tasks: readonly (() => Promise<T>)[]): Promise<T>[] {
  const lanes: Promise<unknown>[] = [];
  return tasks.map((task, index) => {
    const result = (lanes[index % width] ?? Promise.resolve()).then(task);
    // A failed task does not stop the others, and may fail before its result is awaited.
    lanes[index % width] = result.catch(() => {});
    return result;
  });
}
