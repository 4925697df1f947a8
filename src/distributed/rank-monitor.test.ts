import { expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { inProcessRanks } from './in-process.js';
import type { RankFailure } from './rank-monitor.js';
import { RankMonitor } from './rank-monitor.js';

interface MonitoredRank {
  readonly monitor: RankMonitor;
  readonly heard: Promise<['lost' | 'failure', RankFailure]>;
}

async function startRanks(size: number): Promise<MonitoredRank[]> {
  return Promise.all(
    inProcessRanks(size).map(async (communicator) => {
      let hear!: (what: ['lost' | 'failure', RankFailure]) => void;
      const heard = new Promise<['lost' | 'failure', RankFailure]>((resolve) => (hear = resolve));
      const [monitor] = await RankMonitor.start(communicator, {
        onLost: (failure) => hear(['lost', failure]),
        onFailure: (failure) => hear(['failure', failure]),
      });
      return { monitor: monitor!, heard };
    }),
  );
}

/** Simulates a killed process: its connections close without a message. */
function kill({ monitor }: MonitoredRank): void {
  const { connections } = monitor as unknown as { connections: Map<number, { socket: { destroy(): void } }> };
  for (const connection of connections.values()) connection.socket.destroy();
}

it('tells all ranks which one is gone', async () => {
  const ranks = await startRanks(3);
  kill(ranks[2]!);
  for (const { heard } of ranks.slice(0, 2)) {
    const [kind, { rank, error }] = await heard;
    expect([kind, rank, error.code]).toEqual(['lost', 2, 'rank-lost']);
    expect(error.message).toMatch(/^rank 2 on here \(process \d+\) is gone/);
  }
  ranks.forEach(({ monitor }) => monitor.close());
});

it('tells the others that rank 0 is gone', async () => {
  const ranks = await startRanks(3);
  kill(ranks[0]!);
  for (const { heard } of ranks.slice(1)) expect((await heard)[1].rank).toBe(0);
  ranks.forEach(({ monitor }) => monitor.close());
});

it("reports a rank's error to rank 0", async () => {
  const ranks = await startRanks(2);
  ranks[1]!.monitor.report(new PixelwiseError('image-damaged', 'a.png is damaged'));
  const [kind, { rank, error }] = await ranks[0]!.heard;
  expect([kind, rank, error.code, error.message]).toEqual([
    'failure',
    1,
    'image-damaged',
    'a.png is damaged',
  ]);
  ranks.forEach(({ monitor }) => monitor.close());
});

it('does not report ranks that have closed', async () => {
  const ranks = await startRanks(2);
  ranks.forEach(({ monitor }) => monitor.close());
  const waited = new Promise((resolve) => setTimeout(resolve, 50, 'nothing'));
  expect(await Promise.race([waited, ...ranks.map(({ heard }) => heard)])).toBe('nothing');
});
