import { describe, expect, expectTypeOf, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { choice, flag, real, whole } from './kinds.js';
import type { Settings } from './setting.js';
import { checkSettings, checkValue, flagName, readValue } from './setting.js';

interface WaveOptions {
  readonly period: number;
  readonly shape: 'sine' | 'square';
  readonly restarts: boolean;
  readonly floor?: number;
}

const WAVE: Settings<WaveOptions> = {
  period: { kind: whole(1), help: 'steps of one wave' },
  shape: { kind: choice(['sine', 'square']), help: 'shape', default: 'sine' },
  restarts: { kind: flag(), help: 'whether it starts again', default: false },
  floor: { kind: real({ min: 0 }), help: 'smallest value', unset: 'no limit' },
};

describe('checkSettings', () => {
  it('fills in defaults and leaves optional settings out', () => {
    const options = checkSettings('wave', WAVE, { period: 8, floor: undefined });
    expectTypeOf(options).toEqualTypeOf<WaveOptions>();
    expect(options).toEqual({ period: 8, shape: 'sine', restarts: false });
    expect(checkSettings('wave', WAVE, { period: 8, restarts: true, floor: 0.5 })).toEqual({
      period: 8,
      shape: 'sine',
      restarts: true,
      floor: 0.5,
    });
  });

  it.each([
    [{ period: 0 }, 'wave: period must be a whole number of at least 1; got 0.'],
    [{ period: NaN }, 'wave: period must be a whole number of at least 1; got NaN.'],
    [{ period: '8' }, 'wave: period must be a whole number of at least 1; got "8".'],
    [{ period: 8, shape: 'sin' }, 'wave: shape must be sine or square; got "sin". Did you mean "sine"?'],
    [{ period: 8, restarts: 1 }, 'wave: restarts must be true or false; got 1.'],
    [{}, 'wave needs the option period: steps of one wave.'],
    [
      { period: 8, flor: 1 },
      'wave has no option "flor"; its options are period, shape, restarts, floor. Did you mean "floor"?',
    ],
  ])('refuses %j', (given, message) => {
    expect(() => checkSettings('wave', WAVE, given as unknown as WaveOptions)).toThrow(
      new UsageError(message),
    );
  });

  it('has a table that fits its options, or does not compile', () => {
    const { period, shape, restarts, floor } = WAVE;
    // @ts-expect-error a setting is missing
    void ({ period, shape, restarts } satisfies Settings<WaveOptions>);
    // @ts-expect-error a setting of another type
    void ({ period: restarts, shape, restarts, floor } satisfies Settings<WaveOptions>);
    // @ts-expect-error a word that the option does not have
    void ({ ...WAVE, shape: { ...shape, kind: choice(['saw']) } } satisfies Settings<WaveOptions>);
  });
});

describe('one value', () => {
  it('of a flag or file may be a number written as text', () => {
    expect(readValue('--lr', real(), '1e-3')).toBe(0.001);
    expect(checkValue('SGD: lr', real(), 1e-3)).toBe(0.001);
    expect(() => checkValue('SGD: lr', real(), '1e-3')).toThrow('SGD: lr must be a number; got "1e-3".');
    expect(() => readValue('--batch', whole(1, 8), '9')).toThrow(
      '--batch must be a whole number from 1 to 8; got "9".',
    );
  });
});

it('writes names as flags', () => {
  expect(flagName('batchNorm')).toBe('batch-norm');
  expect(flagName('lr')).toBe('lr');
});
