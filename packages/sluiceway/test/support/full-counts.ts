/**
 * How often a test repeats what it draws at random: `full` times with SLUICEWAY_FULL=1, as `.ci/run` sets it, and `few`
 * times otherwise, so that `npm test` stays short. Both begin with the same draws where the test has a seed.
 */
export const times = (full: number, few: number): number =>
  process.env['SLUICEWAY_FULL'] === '1' ? full : few;
