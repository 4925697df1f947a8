import { expect, it } from 'vitest';
import { efficiency, fitNetwork, ringSeconds, stepSeconds } from './cost-model.js';

const gigabit = { latency: 5e-5, bandwidth: 125e6 };

it('a ring moves twice the bytes but for a share, whatever the ranks', () => {
  expect(ringSeconds(1, 1e9, gigabit)).toBe(0);
  expect(ringSeconds(2, 125e6, gigabit)).toBeCloseTo(1 + 1e-4, 12);
  expect(ringSeconds(256, 125e6, { latency: 0, bandwidth: 125e6 })).toBeCloseTo((2 * 255) / 256, 12);
});

it('efficiency falls with ranks and rises with bandwidth', () => {
  const cost = { compute: 2, bytes: 124e6 };
  expect(efficiency(cost, 1, gigabit)).toBe(1);
  expect(stepSeconds(cost, 2, gigabit)).toBeCloseTo(2 + 0.992 + 1e-4 + 2e-4, 9);
  const row = [2, 4, 64, 256].map((ranks) => efficiency(cost, ranks, gigabit));
  expect([...row].sort((a, b) => b - a)).toEqual(row);
  expect(efficiency(cost, 64, { ...gigabit, bandwidth: 125e8 })).toBeGreaterThan(row[2]!);
});

it('finds the network that all-reduces were timed on', () => {
  const network = { latency: 3e-5, bandwidth: 9e8 };
  const measured = [1e3, 1e5, 1e6, 1e8].map((bytes) => ({ bytes, seconds: ringSeconds(4, bytes, network) }));
  const fitted = fitNetwork(4, measured);
  expect(fitted.latency / network.latency).toBeCloseTo(1, 6);
  expect(fitted.bandwidth / network.bandwidth).toBeCloseTo(1, 6);
});
