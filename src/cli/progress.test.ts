import { describe, expect, it } from 'vitest';
import { CapturedStream } from '../../test/captured-stream.js';
import { duration, grouped, Progress } from './progress.js';

/** Drawn frames, without the movements of the cursor. */
function frames(stream: CapturedStream): string[] {
  return stream.text.split('\x1b[1G').map((frame) => frame.replace(/\x1b\[\d*[A-Za-z]/g, ''));
}

function started(isTTY: boolean, columns = 100) {
  const stream = new CapturedStream(isTTY, columns);
  const clock = { now: 0 };
  const progress = new Progress(
    stream,
    { label: 'epoch 1/2', total: 400, unit: 'images' },
    { now: () => clock.now },
  );
  return { stream, clock, progress };
}

describe('on a terminal', () => {
  it('draws share, rate, time left and detail in one line', () => {
    const { stream, clock, progress } = started(true);
    clock.now = 5000;
    progress.update({ done: 100, detail: 'loss 0.5' });
    expect(frames(stream).at(-1)).toBe(
      'epoch 1/2  ━━━━━━──────────────────  25%  20.0 images/s  0:15 left  loss 0.5',
    );
  });

  it('draws seldom, but the end at once', () => {
    const { stream, clock, progress } = started(true);
    const before = frames(stream).length;
    for (let i = 1; i <= 50; i++) {
      clock.now = i;
      progress.update({ done: i });
    }
    expect(frames(stream)).toHaveLength(before);
    progress.update({ done: 400 });
    expect(frames(stream).at(-1)).toContain('100%');
  });

  it('never wraps, and leaves nothing behind', () => {
    const { stream, clock, progress } = started(true, 40);
    clock.now = 1000;
    progress.update({ done: 10, detail: 'x'.repeat(100) });
    expect(frames(stream).at(-1)!.length).toBeLessThan(40);
    progress.end();
    progress.update({ done: 20 });
    expect(frames(stream).at(-1)).toBe('');
  });

  it('follows the latest rate, and starts anew where counting does', () => {
    const { stream, clock, progress } = started(true);
    for (let second = 1; second <= 30; second++) {
      clock.now = second * 1000;
      progress.update({ done: second <= 15 ? second : 15 + (second - 15) * 10 });
    }
    expect(frames(stream).at(-1)).toContain('10.0 images/s');
    clock.now += 1000;
    progress.update({ done: 0, label: 'epoch 2/2' });
    expect(frames(stream).at(-1)).toBe('epoch 2/2  ────────────────────────   0%');
  });
});

describe('elsewhere', () => {
  it('writes a plain line now and then', () => {
    const { stream, clock, progress } = started(false);
    for (let second = 1; second <= 32; second++) {
      clock.now = second * 1000;
      progress.update({ done: second * 10 });
    }
    progress.end();
    expect(stream.text).toBe(
      'epoch 1/2: 150 of 400 images, 10.0 images/s, 0:25 left\n' +
        'epoch 1/2: 300 of 400 images, 10.0 images/s, 0:10 left\n',
    );
  });
});

describe('figures', () => {
  it('are written as people read them', () => {
    expect(duration(35)).toBe('0:35');
    expect(duration(725.4)).toBe('12:05');
    expect(duration(3750)).toBe('1:02:30');
    expect(grouped(12345)).toBe('12,345');
  });
});
