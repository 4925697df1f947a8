/** What machine and what versions a run was made with: what its bits depend on besides data and seed. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';
import type { Runtime } from '../runtime/index.js';
import type { RunConfig } from '../training/index.js';

const require = createRequire(import.meta.url);

function versionOf(file: string | URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** This package's version. */
export function pixelwiseVersion(): string {
  return versionOf(new URL('../../package.json', import.meta.url));
}

export function describeMachine(runtime: Runtime): RunConfig['machine'] {
  return {
    pixelwise: pixelwiseVersion(),
    node: process.versions.node,
    onnxruntime: versionOf(require.resolve('onnxruntime-node/package.json')),
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: runtime.threads,
    device: runtime.device,
    target: Object.fromEntries(
      Object.entries(runtime.target).map(([k, v]) => [k, v === Infinity ? null : (v as unknown)]),
    ),
  };
}

/** What differs between the machine of a run and this one, in words; bits may differ where it is not empty. */
export function machineDifferences(before: RunConfig['machine'], now: RunConfig['machine']): string[] {
  return (Object.keys(now) as (keyof RunConfig['machine'])[])
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `${key}: ${JSON.stringify(before[key])} then, ${JSON.stringify(now[key])} now`);
}
