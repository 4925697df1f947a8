/** Arithmetic, comparison and choice, with broadcasting in every operand. */
import type { Shape } from '../../../src/graph/index.js';
import {
  add,
  broadcastTo,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  maximum,
  minimum,
  mul,
  pow,
  sub,
  where,
} from '../../../src/graph/index.js';
import { bool, first, float, int32, second } from '../case.js';

const both = [float(3, 1, 5), float(2, 3, 4, 1)];
const withTies = [float(3, 5, 1), float(4)];
const shape: Shape = [2, 3, 4, 5];

export const arithmeticCases = [
  first('add, broadcasting both', both, add),
  first('sub, broadcasting both', both, sub),
  first('mul, broadcasting both', both, mul),
  first('div, broadcasting both', both, div),
  first('mul of a tensor with itself', [float(3, 5)], (x) => mul(x, x)),
  first('add, a scalar tensor', [float(), float(2, 3)], add),
  first('arithmetic with numbers', [float(2, 3, 5)], (x) => sub(3, div(add(mul(2, x), 1), 4))),
  first('pow, both tensors', [float(3, 1, 5), float(3, 4, 1)], pow),
  first('pow, exponent 3', [float(3, 5)], (x) => pow(x, 3)),
  first('pow, exponent 2', [float(3, 5)], (x) => pow(x, 2)),
  first('pow, exponent ½', [float(3, 5)], (x) => pow(x, 0.5)),
  first('pow, exponent −1.5', [float(3, 5)], (x) => pow(x, -1.5)),
  first('maximum, ties', [float(3, 5, 7), float(5, 1)], maximum),
  first('minimum, ties', [float(3, 5, 7), float(5, 1)], minimum),
  first('greater', withTies, greater),
  first('greaterEqual', withTies, greaterEqual),
  first('less', withTies, less),
  first('lessEqual', withTies, lessEqual),
  first('equal', withTies, equal),
  first('equal of bool', [bool(3, 5, 1), bool(4)], equal),
  first('equal of int32', [int32(3, 5, 1), int32(4)], equal),
  first('less of int32', [int32(3, 5, 1), int32(4)], less),
  first('logicalAnd', [bool(3, 5, 1), bool(4)], logicalAnd),
  first('logicalOr', [bool(3, 5, 1), bool(4)], logicalOr),
  first('where, broadcasting all', [bool(3, 1, 5), float(2, 1, 4, 1), float(5)], where),
  first('where with a number', [bool(3, 5), float(3, 5)], (m, x) => where(m, x, 0.25)),
  first('where of int32', [bool(3, 5), int32(3, 5), int32(5)], where),
  first('broadcastTo', [float(3, 1, 5)], (x) => broadcastTo(x, shape)),
  // Rows of a multiple of 4 are where a backend computes with vectors.
  ...Object.entries({ add, div, pow, maximum }).flatMap(([name, operation]) => [
    first(`${name}, a column and rows of 4`, [float(3, 1), float(3, 4)], operation),
    first(`${name}, rows of 4 and a column`, [float(2, 3, 8), float(3, 1)], operation),
    first(`${name}, a row of 4 and a matrix`, [float(4), float(3, 4)], operation),
    first(`${name}, a row of 4 and a column`, [float(1, 4), float(3, 1)], operation),
  ]),
  first('greater, a column and rows of 4', [float(3, 1), float(3, 4)], greater),
  first('where, rows of 4', [bool(3, 1, 4), float(2, 4), float(1, 2, 1)], where),
  first('where, a column decides rows of 4', [bool(3, 1), float(3, 4), float(4)], where),
  second('div', [float(3, 1, 4), float(2, 1)], div),
  second('pow', [float(3, 1), float(3, 4)], pow),
];
