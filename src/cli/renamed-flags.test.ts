import { describe, expect, it } from 'vitest';
import { withNewFlags, withNewName } from './renamed-flags.js';

describe('renamed flags', () => {
  it.each([
    [
      ['train', '--encoder-norms', 'moving', '--data', 'd'],
      ['train', '--encoder-bn', 'training', '--data', 'd'],
    ],
    [
      ['train', '--encoder-norms=still', 'still'],
      ['train', '--encoder-bn=frozen', 'still'],
    ],
    [
      ['predict', 'run', '--out', 'moving'],
      ['predict', 'run', '--out', 'moving'],
    ],
  ])('reads %j as %j', (words, now) => {
    expect(withNewFlags(words).words).toEqual(now);
  });

  it('says what the new name is', () => {
    const note =
      '--encoder-norms is now called --encoder-bn. The old name will stop working in the next version.';
    expect(withNewFlags(['--encoder-norms', 'still']).notes).toEqual([note]);
    expect(withNewFlags(['--encoder-bn', 'frozen']).notes).toEqual([]);
  });

  it.each(['encoder-norms', 'encoderNorms'])('reads %s in config files', (key) => {
    const { note, ...entry } = withNewName(key, 'still');
    expect(entry).toEqual({ key: 'encoder-bn', value: 'frozen' });
    expect(note).toContain('is now called encoder-bn');
    expect(withNewName('lr', 1)).toEqual({ key: 'lr', value: 1 });
  });
});
