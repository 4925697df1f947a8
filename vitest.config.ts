import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that share a process, so that each module is loaded once instead of in every file: half the time. */
const SHARED_OF_TEST = 'test/{conformance,fuzz,inference,models}/**/*.test.ts';
const SHARED = ['{src,page}/**/*.test.ts', SHARED_OF_TEST];

/** Tests among them that replace modules, add to registries or measure memory. Each has its own process. */
const ISOLATED = [
  'src/cli/model-files.test.ts',
  'src/data/files.test.ts',
  'src/images/tiff/tiff.test.ts',
  'src/jobs/train-plan-reading.test.ts',
  'src/models/registry.test.ts',
  'src/report/report-size.test.ts',
  'src/training/checkpoint.test.ts',
];

const project = (name: string, include: string[], exclude: string[], isolate: boolean) => ({
  extends: true as const,
  test: { name, include, exclude: [...configDefaults.exclude, ...exclude], isolate },
});

export default defineConfig({
  test: {
    // Tests use no network: no pretrained weights are downloaded.
    env: { PIXELWISE_OFFLINE: '1' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      project('shared', SHARED, ISOLATED, false),
      project('isolated', [...ISOLATED, '{test,examples}/**/*.test.ts'], [SHARED_OF_TEST], true),
    ],
  },
});
