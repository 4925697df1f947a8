import { expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { inProcessRanks } from './in-process.js';
import type { RankFailure } from './lifeline.js';
import { Lifeline } from './lifeline.js';

interface Tied {
  readonly lifeline: Lifeline;
  readonly heard: Promise<['lost' | 'failure', RankFailure]>;
}

async function tie(size: number): Promise<Tied[]> {
  return Promise.all(
    inProcessRanks(size).map(async (communicator) => {
      let hear!: (what: ['lost' | 'failure', RankFailure]) => void;
      const heard = new Promise<['lost' | 'failure', RankFailure]>((resolve) => (hear = resolve));
      const [lifeline] = await Lifeline.tie(communicator, {
        onLost: (failure) => hear(['lost', failure]),
        onFailure: (failure) => hear(['failure', failure]),
      });
      return { lifeline: lifeline!, heard };
    }),
  );
}

/** As when its process is killed: its connections close without a word. */
function kill({ lifeline }: Tied): void {
  const { lines } = lifeline as unknown as { lines: Map<number, { socket: { destroy(): void } }> };
  for (const line of lines.values()) line.socket.destroy();
}

it('tells all ranks which one is gone', async () => {
  const ranks = await tie(3);
  kill(ranks[2]!);
  for (const { heard } of ranks.slice(0, 2)) {
    const [kind, { rank, error }] = await heard;
    expect([kind, rank, error.code]).toEqual(['lost', 2, 'rank-lost']);
    expect(error.message).toMatch(/^rank 2 on here \(process \d+\) is gone/);
  }
  ranks.forEach(({ lifeline }) => lifeline.close());
});

it('tells the others that rank 0 is gone', async () => {
  const ranks = await tie(3);
  kill(ranks[0]!);
  for (const { heard } of ranks.slice(1)) expect((await heard)[1].rank).toBe(0);
  ranks.forEach(({ lifeline }) => lifeline.close());
});

it("carries a rank's error to rank 0", async () => {
  const ranks = await tie(2);
  ranks[1]!.lifeline.report(new PixelwiseError('image-damaged', 'a.png is damaged'));
  const [kind, { rank, error }] = await ranks[0]!.heard;
  expect([kind, rank, error.code, error.message]).toEqual([
    'failure',
    1,
    'image-damaged',
    'a.png is damaged',
  ]);
  ranks.forEach(({ lifeline }) => lifeline.close());
});

it('misses nobody who has taken leave', async () => {
  const ranks = await tie(2);
  ranks.forEach(({ lifeline }) => lifeline.close());
  const waited = new Promise((resolve) => setTimeout(resolve, 50, 'nothing'));
  expect(await Promise.race([waited, ...ranks.map(({ heard }) => heard)])).toBe('nothing');
});
