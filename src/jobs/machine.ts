/** Describes the machine and the versions of a run. Besides data and seed, its exact results depend on these. */
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

/** Instruction sets that ONNX Runtime selects its kernels by, with Linux's names: x86, then ARM. */
const VECTOR_FLAGS = ['avx', 'fma', 'avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_tile', 'asimd', 'sve'];

/** Those of {@link VECTOR_FLAGS} that a text of /proc/cpuinfo lists for the first core. */
export function vectorFlags(cpuinfo: string): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? '';
  const present = new Set(line.trim().split(/\s+/));
  return VECTOR_FLAGS.filter((flag) => present.has(flag));
}

/** The processor's name and, on Linux, its vector instruction sets. */
function describeCpu(): string {
  const name = cpus()[0]?.model.trim() ?? 'unknown';
  const flags = platform() === 'linux' ? vectorFlags(readFileSync('/proc/cpuinfo', 'utf8')) : [];
  return flags.length > 0 ? `${name} (${flags.join(', ')})` : name;
}

export function describeMachine(runtime: Runtime): RunConfig['machine'] {
  return {
    pixelwise: pixelwiseVersion(),
    node: process.versions.node,
    onnxruntime: versionOf(require.resolve('onnxruntime-node/package.json')),
    platform: `${platform()} ${arch()}`,
    cpu: describeCpu(),
    threads: runtime.threads,
    device: runtime.device,
    target: Object.fromEntries(
      Object.entries(runtime.target).map(([k, v]) => [k, v === Infinity ? null : (v as unknown)]),
    ),
  };
}

/** Lists how this machine differs from that of a run. If it does, results may not be bit-identical. */
export function machineDifferences(before: RunConfig['machine'], now: RunConfig['machine']): string[] {
  const [was, is] = [before, now].map((machine) => ({ ranks: 1, ...machine })) as [
    RunConfig['machine'],
    RunConfig['machine'],
  ];
  return (Object.keys(is) as (keyof RunConfig['machine'])[])
    .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .map((key) => `${key}: ${JSON.stringify(was[key])} then, ${JSON.stringify(is[key])} now`);
}
