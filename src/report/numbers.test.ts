import { describe, expect, it } from 'vitest';
import { count, counted, duration, figure, listed, lossFigure, percent, rate } from './numbers.js';

describe('numbers', () => {
  it.each([
    [figure(0.12345), '0.123'],
    [figure(null), '–'],
    [lossFigure(0.12345), '0.1235'],
    [lossFigure(0.00012345), '1.23e-4'],
    [lossFigure(0), '0.0000'],
    [count(48123), '48,123'],
    [counted(1, 'image'), '1 image'],
    [counted(1200, 'class', 'classes'), '1,200 classes'],
    [percent(0), '0%'],
    [percent(0.00001), '< 0.01%'],
    [percent(0.0028), '0.28%'],
    [percent(0.031), '3.1%'],
    [percent(0.64), '64%'],
    [percent(0.9996), '100.0%'],
    [percent(1), '100%'],
    [rate(1e-3), '0.001'],
    [rate(4.000000000004e-8), '4e-8'],
    [duration(0.84), '0.8 s'],
    [duration(42.2), '42 s'],
    [duration(59.7), '1 min 0 s'],
    [duration(200), '3 min 20 s'],
    [duration(7500), '2 h 5 min'],
    [listed(['a']), 'a'],
    [listed(['a', 'b', 'c']), 'a, b and c'],
  ])('%s', (written, expected) => expect(written).toBe(expected));
});
