import tseslint from 'typescript-eslint';

/**
 * The layers, lowest first. A folder imports only from itself and from those before it.
 * `browser: false` marks the folders that may use Node's own modules; `bundled: true` a folder for browsers
 * that takes single files of such folders: a test bundles it and finds nothing of Node.
 */
export const LAYERS = [
  { name: 'errors', browser: true },
  { name: 'settings', browser: true },
  { name: 'labels', browser: true },
  { name: 'random', browser: true },
  { name: 'objects', browser: true },
  { name: 'files', browser: false },
  { name: 'onnx', browser: true },
  { name: 'graph', browser: true },
  { name: 'runtime', browser: false },
  { name: 'distributed', browser: false },
  { name: 'nn', browser: true },
  { name: 'optim', browser: true },
  { name: 'models', browser: true },
  { name: 'weights', browser: false },
  { name: 'images', browser: false },
  { name: 'data', browser: false },
  { name: 'metrics', browser: true },
  { name: 'training', browser: false },
  { name: 'inference', browser: false },
  { name: 'browser', browser: true, bundled: true },
  { name: 'report', browser: false },
  { name: 'jobs', browser: false },
  { name: 'bench', browser: false },
  { name: 'serve', browser: false },
  { name: 'studio', browser: false },
  { name: 'cli', browser: false },
];

const layerRules = LAYERS.map((layer, position) => ({
  files: [`src/${layer.name}/**/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...LAYERS.slice(position + 1).map((above) => ({
            group: [`**/${above.name}/**`],
            message: `Layer "${layer.name}" lies below "${above.name}" (see docs/architecture.md).`,
          })),
          ...(layer.browser
            ? [
                {
                  group: ['node:*', 'sharp', 'onnxruntime-node', '**/runtime/node*.js'],
                  message: `Layer "${layer.name}" runs in browsers: no Node import here.`,
                },
                ...LAYERS.slice(0, position)
                  .filter((below) => !layer.bundled && !below.browser && below.name !== 'runtime')
                  .map((below) => ({
                    group: [`**/${below.name}/**`],
                    message: `Layer "${layer.name}" runs in browsers, "${below.name}" does not.`,
                  })),
              ]
            : []),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', 'site', 'tmp'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/cli/**', 'examples/**', 'test/**', 'scripts/**', 'benchmarks/**'],
    rules: { 'no-console': 'off' },
  },
  { files: ['examples/commonjs/**'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  ...layerRules,
);
