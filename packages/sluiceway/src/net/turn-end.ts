/** Something to do once in a turn of the event loop. */
export interface TurnTask {
  endTurn(): void;
}

let tasks: TurnTask[] = [];
let isEnding = false;

/**
 * Calls `endTurn` of the task at the end of this turn of the event loop, when everything that had arrived has been read.
 * Each write to a socket wakes the process at its other end, which then competes for the processor with the rest of the
 * turn. Writes that wait for the end of the turn cost about half as much, and no time: the event loop does not wait for
 * anything before it.
 *
 * A task that is added while others run belongs to the same turn: what a TLS connection has gathered is passed on by a
 * task, and is written in the same turn.
 */
export function atTurnEnd(task: TurnTask): void {
  tasks.push(task);
  if (tasks.length === 1 && !isEnding) setImmediate(endTurn);
}

function endTurn(): void {
  isEnding = true;
  const due = tasks;
  tasks = [];
  for (const task of due) run(task);
  // Tasks of these tasks. More than these wait for another turn, so that they cannot keep sockets from being read.
  const late = tasks;
  tasks = [];
  for (const task of late) run(task);
  isEnding = false;
  if (tasks.length > 0) setImmediate(endTurn);
}

/** One that fails must not take the others with it. */
function run(task: TurnTask): void {
  try {
    task.endTurn();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
