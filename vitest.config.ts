import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that replace modules, add to registries or measure memory. Each runs in a process of its own. */
const ISOLATED = [
  'src/data/files.test.ts',
  'src/images/tiff/tiff.test.ts',
  'src/jobs/train-plan-reading.test.ts',
  'src/models/registry.test.ts',
  'src/report/report-size.test.ts',
  'src/training/checkpoint.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ISOLATED],
          // One process runs many files, so that each module is loaded once: a third of the suite's time.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'isolated', include: ISOLATED } },
    ],
  },
});
