import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import {
  asRanks,
  checkSameEverywhere,
  assignBySize,
  evenShare,
  fromAll,
  fromFirst,
  launchOf,
  threadsOfRank,
  toFirst,
  together,
} from './index.js';

describe('launchOf', () => {
  it('reads what launchers say', () => {
    const openMpi = {
      OMPI_COMM_WORLD_RANK: '1',
      OMPI_COMM_WORLD_SIZE: '4',
      OMPI_COMM_WORLD_LOCAL_SIZE: '2',
    };
    expect(launchOf(openMpi)).toMatchObject({ rank: 1, size: 4, localSize: 2 });
    expect(launchOf({ PMI_RANK: '0', PMI_SIZE: '3' })).toMatchObject({ rank: 0, size: 3 });
    expect(launchOf({ PMIX_RANK: '2', SLURM_NTASKS: '3' })).toMatchObject({ rank: 2, size: 3 });
  });

  it('sees a process by itself', () => {
    expect(launchOf({})).toBeUndefined();
    expect(launchOf({ OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1' })).toBeUndefined();
    // A job of several tasks, in whose script a process runs that srun did not start.
    expect(launchOf({ SLURM_NTASKS: '8' })).toBeUndefined();
    expect(launchOf({ PMI_RANK: 'x', PMI_SIZE: '2' })).toBeUndefined();
  });
});

it('threads of a rank are its share of the cores, or those that it is bound to', () => {
  expect(threadsOfRank(16, 16, 4)).toBe(4);
  expect(threadsOfRank(2, 16, 4)).toBe(2);
  expect(threadsOfRank(2, 2, 4)).toBe(1);
  expect(threadsOfRank(8, 8, undefined)).toBe(8);
});

describe('dealing', () => {
  const sizes = fc.array(fc.nat(1000), { maxLength: 60 });
  const ranks = fc.integer({ min: 1, max: 9 });

  it('gives every piece to one rank, none much more than another', () => {
    fc.assert(
      fc.property(sizes, ranks, (pieces, count) => {
        const owners = assignBySize(pieces, count);
        const loads = Array.from({ length: count }, (_, rank) =>
          pieces.reduce((sum, size, i) => sum + (owners[i] === rank ? Math.max(1, size) : 0), 0),
        );
        // The last piece of the fullest rank went where least was.
        const largest = Math.max(1, ...pieces);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(largest);
        for (const owner of owners) expect(owner).toBeLessThan(count);
      }),
    );
  });

  it('shares rows evenly and wholly', () => {
    fc.assert(
      fc.property(fc.nat(200), ranks, (length, count) => {
        let at = 0;
        for (let rank = 0; rank < count; rank++) {
          const { from, to } = evenShare(length, rank, count);
          expect(from).toBe(at);
          expect(Math.abs(to - from - length / count)).toBeLessThan(1);
          at = to;
        }
        expect(at).toBe(length);
      }),
    );
    expect(evenShare(8, 1, 4)).toEqual({ from: 2, to: 4 });
  });
});

describe('ranks of one process', () => {
  it('sum, take the greatest, hand out and gather', async () => {
    const results = await asRanks(3, async (communicator) => {
      const { rank } = communicator;
      const sum = Float32Array.of(rank, 1);
      await communicator.allReduce(sum);
      const most = Float64Array.of(rank, 1 - rank);
      await communicator.allReduce(most, 'max');
      const parts = new Uint8Array(3);
      await communicator.allToAll(
        Uint8Array.from([0, 1, 2], (to) => 10 * rank + to),
        parts,
      );
      return {
        sum: [...sum],
        most: [...most],
        parts: [...parts],
        first: await fromFirst(communicator, `from ${rank}`),
        all: await fromAll(communicator, { rank }),
        gathered: await toFirst(communicator, 'x'.repeat(rank)),
      };
    });
    results.forEach(({ gathered, parts, ...rest }, rank) => {
      expect(rest).toEqual({
        sum: [3, 3],
        most: [2, 1],
        first: 'from 0',
        all: [{ rank: 0 }, { rank: 1 }, { rank: 2 }],
      });
      expect(parts).toEqual([rank, 10 + rank, 20 + rank]);
      expect(gathered).toEqual(rank === 0 ? ['', 'x', 'xx'] : undefined);
    });
  });

  it('say where ranks call different things', async () => {
    const work = asRanks(2, ({ rank, ...communicator }) =>
      rank === 0 ? communicator.barrier() : communicator.broadcast(new Uint8Array(1)),
    );
    await expect(work).rejects.toThrow(/must call the same/);
  });
});

describe('agreement', () => {
  it('fails on all ranks where it fails on one, each with its own words', async () => {
    const outcomes = await asRanks(3, async (communicator) =>
      together(communicator, () => {
        if (communicator.rank === 1) throw new PixelwiseError('mask-missing', 'a.png has no mask');
        return communicator.rank;
      }).catch((error: PixelwiseError) => `${error.name} ${error.code}: ${error.message}`),
    );
    const elsewhere = 'OtherRankError mask-missing: rank 1 on here: a.png has no mask';
    expect(outcomes).toEqual([elsewhere, 'PixelwiseError mask-missing: a.png has no mask', elsewhere]);
    expect(await asRanks(2, (communicator) => together(communicator, () => communicator.rank))).toEqual([
      0, 1,
    ]);
  });

  it('names what differs and where', async () => {
    const check = (data: readonly string[]) =>
      asRanks(3, async (communicator) =>
        checkSameEverywhere(communicator, { version: '1', data: data[communicator.rank]! }).catch(
          (error: Error) => error.message,
        ),
      );
    expect(await check(['a', 'a', 'a'])).toEqual([undefined, undefined, undefined]);
    for (const message of await check(['a', 'b', 'a'])) {
      expect(message).toMatch(/differ in data.*rank 0 on here, rank 2 on here: a; rank 1 on here: b/);
    }
  });
});
