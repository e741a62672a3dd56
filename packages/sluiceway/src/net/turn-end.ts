/** Work to do once per turn of the event loop. */
export interface TurnTask {
  endTurn(): void;
}

let tasks: TurnTask[] = [];
let isEnding = false;

/**
 * Calls `endTurn` of the task at the end of this turn of the event loop, when all data that has arrived has been read.
 * Each write to a socket wakes the process at its other end, which then competes for the CPU with the rest of the turn.
 * Writes at the end of the turn cost about half as much and are not delayed, because the event loop waits for nothing
 * before that point.
 *
 * A task that is added while others run belongs to the same turn: what a TLS connection has gathered is passed on by a
 * task and written in the same turn.
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
  // Tasks added by these tasks. Further ones wait for another turn, so that they cannot keep sockets from being read.
  const late = tasks;
  tasks = [];
  for (const task of late) run(task);
  isEnding = false;
  if (tasks.length > 0) setImmediate(endTurn);
}

/** A task that fails must not affect the others. */
function run(task: TurnTask): void {
  try {
    task.endTurn();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
