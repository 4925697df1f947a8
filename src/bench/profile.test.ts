import { describe, expect, it } from 'vitest';
import { summarizeProfile } from './profile.js';

const node = (name: string, op_name: string, ts: number, dur: number) => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name },
});
const run = (ts: number) => ({ cat: 'Session', name: 'model_run', ts, dur: 90 });

describe('summarizeProfile', () => {
  it('tells times by operator and layer, of all runs but the first', () => {
    const step = (start: number, scale: number) => [
      run(start),
      node('down.0.conv1/Conv_0', 'Conv', start + 1, 10 * scale),
      node('down.0.conv1:backward/Conv_7', 'Conv', start + 20, 30 * scale),
      node('down.0.conv1:backward/Pad_8', 'Pad', start + 60, 5 * scale),
      node('Mul_3', 'Mul', start + 70, scale),
      { cat: 'Node', name: 'Mul_3_fence_before', ts: start + 69, dur: 1000 },
    ];
    const profile = summarizeProfile([...step(0, 100), ...step(100, 1), ...step(200, 3)]);
    expect(profile).toEqual({
      steps: 2,
      operators: [
        { operator: 'Conv', count: 2, seconds: 80e-6 },
        { operator: 'Pad', count: 1, seconds: 10e-6 },
        { operator: 'Mul', count: 1, seconds: 2e-6 },
      ],
      layers: [
        { layer: 'down.0.conv1', forwardSeconds: 20e-6, backwardSeconds: 70e-6 },
        { layer: '', forwardSeconds: 2e-6, backwardSeconds: 0 },
      ],
    });
  });

  it('is empty where nothing ran twice', () => {
    expect(summarizeProfile([run(0), node('Mul_3', 'Mul', 1, 5)])).toMatchObject({
      operators: [],
      layers: [],
    });
  });
});
