/** `npm run fuzz [SECONDS]`: fuzzes each parser for that long (default 60), with other files every time. */
import { spawnSync } from 'node:child_process';

const [seconds = '60'] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/fuzz'], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_SECONDS: seconds },
});
process.exit(status ?? 1);
