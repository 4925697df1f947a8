/** Every case of the conformance suite. */
import type { Case } from '../case.js';
import { arithmeticCases } from './arithmetic.js';
import { convolutionCases } from './convolution.js';
import { elementwiseCases } from './elementwise.js';
import { indexingCases } from './indexing.js';
import { layoutCases } from './layout.js';
import { matmulCases } from './matmul.js';
import { layerCases } from './layers.js';
import { poolingCases } from './pooling.js';
import { reductionCases } from './reduction.js';
import { resizeCases } from './resize.js';
import { softmaxCases } from './softmax.js';
import { sortingCases } from './sorting.js';

export const CASES: readonly Case[] = [
  ...convolutionCases,
  ...poolingCases,
  ...resizeCases,
  ...layerCases,
  ...elementwiseCases,
  ...arithmeticCases,
  ...reductionCases,
  ...matmulCases,
  ...softmaxCases,
  ...layoutCases,
  ...indexingCases,
  ...sortingCases,
];
