/**
 * Summarises ONNX Runtime's profile of a step by operator and by layer. A node's name begins with its layer
 * (`down.0.conv1/Conv_12`, `down.0.conv1:backward/Pad_230`).
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKWARD } from '../graph/index.js';

export interface OperatorTime {
  /** ONNX operator name. */
  readonly operator: string;
  /** Number of executions in one step. */
  readonly count: number;
  /** Time in one step. */
  readonly seconds: number;
}

export interface LayerTime {
  /** Path in the model; '' for nodes outside any layer: the loss, and nodes that ONNX Runtime has inserted. */
  readonly layer: string;
  readonly forwardSeconds: number;
  readonly backwardSeconds: number;
}

export interface OperatorProfile {
  /** Number of profiled steps. */
  readonly steps: number;
  /** The slowest first. */
  readonly operators: readonly OperatorTime[];
  /** The slowest first. */
  readonly layers: readonly LayerTime[];
}

/** An event in Chrome's trace format; times in microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Reads the profile that a session has written to a folder. */
export async function readProfile(folder: string): Promise<OperatorProfile> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const events = await Promise.all(
    files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as TraceEvent[]),
  );
  return summarizeProfile(events.flat());
}

const KERNEL = '_kernel_time';

/** Averages over all runs except the first, which also allocates memory. */
export function summarizeProfile(events: readonly TraceEvent[]): OperatorProfile {
  const runs = events
    .filter(({ cat, name }) => cat === 'Session' && name === 'model_run')
    .sort((a, b) => a.ts - b.ts)
    .slice(1);
  const start = runs[0]?.ts ?? Infinity;
  const steps = runs.length;
  const kernels = events.filter(
    ({ cat, name, ts }) => cat === 'Node' && name.endsWith(KERNEL) && ts >= start,
  );

  const operators = new Map<string, { count: number; micros: number }>();
  const layers = new Map<string, { forward: number; backward: number }>();
  for (const { name, dur, args } of kernels) {
    const operator = entry(operators, args?.op_name ?? 'unknown', { count: 0, micros: 0 });
    operator.count++;
    operator.micros += dur;
    const { layer, backward } = layerOf(name.slice(0, -KERNEL.length));
    entry(layers, layer, { forward: 0, backward: 0 })[backward ? 'backward' : 'forward'] += dur;
  }
  const perStep = (micros: number) => micros / steps / 1e6;
  return {
    steps,
    operators: [...operators]
      .map(([operator, { count, micros }]) => ({ operator, count: count / steps, seconds: perStep(micros) }))
      .sort((a, b) => b.seconds - a.seconds),
    layers: [...layers]
      .map(([layer, { forward, backward }]) => ({
        layer,
        forwardSeconds: perStep(forward),
        backwardSeconds: perStep(backward),
      }))
      .sort((a, b) => b.forwardSeconds + b.backwardSeconds - (a.forwardSeconds + a.backwardSeconds)),
  };
}

function entry<V>(map: Map<string, V>, key: string, initial: V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  map.set(key, initial);
  return initial;
}

/** The layer of a node, from its name. */
function layerOf(name: string): { layer: string; backward: boolean } {
  const slash = name.lastIndexOf('/');
  const scope = slash < 0 ? '' : name.slice(0, slash);
  const backward = scope.endsWith(BACKWARD);
  return { layer: backward ? scope.slice(0, -BACKWARD.length) : scope, backward };
}
