import { describe, expect, it } from 'vitest';
import {
  choice,
  flag,
  fractionOrText,
  namesOrCount,
  numbers,
  pair,
  pattern,
  pixelSize,
  real,
  text,
  whole,
  wholeOf,
  wordList,
  wordOr,
  written,
  type Kind,
} from './kinds.js';

const UNREAD = undefined;

/** Each kind with values as flags (text) and config files (anything) give them, and what is read. */
const CASES: readonly (readonly [string, Kind<unknown>, readonly (readonly [unknown, unknown])[]])[] = [
  [
    'flag',
    flag(),
    [
      [true, true],
      [false, false],
      ['true', UNREAD],
      [1, UNREAD],
    ],
  ],
  [
    'whole',
    whole(1, 10),
    [
      ['1', 1],
      [10, 10],
      [' 7 ', 7],
      ['0', UNREAD],
      ['11', UNREAD],
      ['2.5', UNREAD],
      ['ten', UNREAD],
      ['', UNREAD],
      ['0x3', UNREAD],
      [null, UNREAD],
      [[3], UNREAD],
    ],
  ],
  [
    'wholeOf',
    wholeOf([1, 2, 4]),
    [
      ['2', 2],
      [4, 4],
      [3, UNREAD],
      ['2.5', UNREAD],
      [null, UNREAD],
    ],
  ],
  [
    'numbers',
    numbers(2, 3, real({ min: 0, max: 10 })),
    [
      ['1, 2.5', [1, 2.5]],
      [
        [0, 10, 3],
        [0, 10, 3],
      ],
      ['1', UNREAD],
      ['1,2,3,4', UNREAD],
      ['1,-2', UNREAD],
      ['1,x', UNREAD],
      ['1,,2', UNREAD],
      [7, UNREAD],
    ],
  ],
  [
    'pair',
    pair(real({ min: 0, below: 1 })),
    [
      ['0.9, 0.99', [0.9, 0.99]],
      [
        [0, 0.5],
        [0, 0.5],
      ],
      ['0.9', UNREAD],
      ['0.9,1', UNREAD],
      [[0.1, 0.2, 0.3], UNREAD],
    ],
  ],
  [
    'wordList',
    wordList(['csv', 'tensorboard']),
    [
      ['csv', ['csv']],
      ['tensorboard, csv', ['tensorboard', 'csv']],
      [['csv'], ['csv']],
      ['csv,csv', UNREAD],
      ['csv,xml', UNREAD],
      ['', UNREAD],
    ],
  ],
  [
    'real',
    real({ above: 0, max: 1 }),
    [
      ['1e-3', 0.001],
      ['.5', 0.5],
      [1, 1],
      ['0', UNREAD],
      ['-1', UNREAD],
      ['Infinity', UNREAD],
      [NaN, UNREAD],
    ],
  ],
  [
    'real',
    real({ min: 0, below: 1 }),
    [
      ['0', 0],
      ['0.99', 0.99],
      ['1', UNREAD],
    ],
  ],
  [
    'choice',
    choice(['sgd', 'adam']),
    [
      ['adam', 'adam'],
      ['Adam', UNREAD],
      ['', UNREAD],
    ],
  ],
  [
    'text',
    text('DIR', 'a folder'),
    [
      ['a b', 'a b'],
      [5, '5'],
      [['flip', 'rotate'], 'flip,rotate'],
      ['  ', UNREAD],
      [true, UNREAD],
    ],
  ],
  [
    'wordOr',
    wordOr(['best', 'last'], whole(1, 99)),
    [
      ['best', 'best'],
      ['12', 12],
      ['0', UNREAD],
      ['bset', UNREAD],
    ],
  ],
  [
    'pixelSize',
    pixelSize(),
    [
      ['256', { height: 256, width: 256 }],
      [64, { height: 64, width: 64 }],
      ['192x256', { height: 192, width: 256 }],
      ['192×256', { height: 192, width: 256 }],
      [
        { height: 32, width: 48 },
        { height: 32, width: 48 },
      ],
      [{ height: 0, width: 48 }, UNREAD],
      ['0', UNREAD],
      ['20000', UNREAD],
      ['1.5', UNREAD],
      ['192x', UNREAD],
    ],
  ],
  [
    'namesOrCount',
    namesOrCount(2, 4),
    [
      ['3', 3],
      [2, 2],
      ['cat, dog', ['cat', 'dog']],
      [
        ['a', 'b', 'c'],
        ['a', 'b', 'c'],
      ],
      ['1', UNREAD],
      ['cat', UNREAD],
      ['a,,b', UNREAD],
      ['a,a', UNREAD],
      [{}, UNREAD],
    ],
  ],
  [
    'fractionOrText',
    fractionOrText('X', 'or a folder'),
    [
      ['0', 0],
      ['0.2', 0.2],
      [0.5, 0.5],
      ['valid', 'valid'],
      ['1', UNREAD],
      ['-0.1', UNREAD],
      ['', UNREAD],
    ],
  ],
  [
    'pattern',
    pattern(),
    [
      ['^(\\w+)_', '^(\\w+)_'],
      ['(', UNREAD],
      ['', UNREAD],
    ],
  ],
  [
    'written',
    written('A', 'letters', /^[a-z]+$/),
    [
      ['abc', 'abc'],
      ['a1', UNREAD],
      [1, UNREAD],
    ],
  ],
];

describe.each(CASES)('%s', (_name, kind, cases) => {
  it.each(cases)('reads %j as %j', (value, read) => {
    expect(kind.read(value)).toEqual(read);
  });
});

describe('accepts', () => {
  it('states the range in words', () => {
    expect(whole(1, 10).accepts).toBe('a whole number from 1 to 10');
    expect(real({ above: 0, max: 100 }).accepts).toBe('a number above 0 and up to 100');
    expect(real({ min: 0, max: 0.9 }).accepts).toBe('a number from 0 to 0.9');
    expect(choice(['sgd', 'adam', 'adamw']).accepts).toBe('sgd, adam or adamw');
    expect(whole(0).accepts).toBe('a whole number of at least 0');
    expect(real({ min: 0 }).accepts).toBe('a number of at least 0');
    expect(real({ above: 0 }).accepts).toBe('a number above 0');
    expect(real({ min: 0, below: 1 }).accepts).toBe('a number from 0 to below 1');
    expect(real({ max: 3 }).accepts).toBe('a number up to 3');
    expect(real({ below: 3 }).accepts).toBe('a number below 3');
    expect(real().accepts).toBe('a number');
    expect(wordOr(['auto'], real({ above: 0, below: 1 })).accepts).toBe(
      'auto or a number above 0 and below 1',
    );
  });
});
