import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Each entry of the library's `exports`, as its source: tests then never see an old build.
 * Tests in `public/` go without, and get what a user gets.
 */
function librarySources(): { find: RegExp; replacement: string }[] {
  const library = new URL('./packages/sluiceway/', import.meta.url);
  const { exports } = JSON.parse(readFileSync(new URL('package.json', library), 'utf8')) as {
    exports: Record<string, string | { default: string }>;
  };
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return [];
    const source = target.default.replace(/^\.\/dist\/bundle\/(.*)\.js$/, './src/$1.ts');
    const name = `sluiceway${subpath.slice(1)}`;
    return [{ find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(source, library)) }];
  });
}

/** Tests that replace modules, run all timers, or watch the whole process: these have one for themselves. */
const alone = [
  'conformance/own-server',
  'unit/access-bearer',
  'unit/access-jwt-without-jose',
  'unit/access-password-hash',
  'unit/links-timing',
  'unit/range-retrier',
  'unit/transport-end',
  'unit/window-tuner',
  'faults/client-leaves',
  'faults/http2-aborts',
  'faults/http2-borrowed-memory',
  'faults/http2-client-stalls',
  'faults/laboratory',
  'gateway/hostile-urls',
  'gateway/names',
].map((name) => `packages/sluiceway/test/${name}.test.ts`);

/** A busy machine is no failure; what ends only after the minute that a proxy waits by default is one. */
const deadlines = {
  testTimeout: 50_000,
  hookTimeout: 50_000,
  expect: { poll: { timeout: 30_000, interval: 5 } },
};

/**
 * Files that take ten seconds and more. Vitest begins with the largest files if it has not measured them before: those
 * of these that are small would run at the end, one of them alone.
 */
const long = new RegExp(
  `/(?:${[
    'acme',
    'browser',
    'chromium-transfers',
    'cut-downloads',
    'differential',
    'docs/(?:compile|examples)',
    'doctor/\\w+',
    'faults/laboratory',
    'group-laboratory',
    'http2-client-stalls',
    'logs',
    'nghttp2-clients',
    'nginx-origin',
    'shared-(?:limits|streams)',
    'workers',
    'zero-copy-(?:download|fuzz)',
  ].join('|')})\\.test\\.ts$`,
);

class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // Not that of an array.
    // oxlint-disable-next-line unicorn/no-array-sort
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(long.test(b.moduleId)) - Number(long.test(a.moduleId)));
  }
}

const soak = process.env['SOAK'] === '1';
const alias = librarySources();

export default defineConfig({
  test: {
    pool: 'forks',
    // Half of the time, a file waits for something else than the processor.
    maxWorkers: availableParallelism() + (soak ? 1 : 2),
    sequence: { sequencer: LongFilesFirst },
    reporters: ['default', './scripts/count-reporter.mjs'],
    passWithNoTests: soak,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: [['text', { skipFull: true }], 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
    projects: soak
      ? [
          {
            resolve: { alias },
            test: {
              name: 'soak',
              include: ['packages/*/test/**/*.soak.ts'],
              ...deadlines,
              testTimeout: 600_000,
              hookTimeout: 60_000,
            },
          },
        ]
      : [
          {
            resolve: { alias },
            test: {
              name: 'source',
              include: ['packages/*/test/**/*.test.ts'],
              exclude: ['packages/*/test/public/**', ...alone],
              // Every test stops what it starts. A process for each file would be a third of the work of all tests.
              isolate: false,
              ...deadlines,
            },
          },
          {
            resolve: { alias },
            test: { name: 'alone', include: alone, ...deadlines },
          },
          {
            test: {
              name: 'public',
              include: ['packages/*/test/public/**/*.test.ts'],
              ...deadlines,
              testTimeout: 60_000,
              hookTimeout: 60_000,
            },
          },
        ],
  },
});
