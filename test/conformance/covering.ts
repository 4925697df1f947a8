/** Few cases that still run every operator and every kind of ONNX node: for runtimes that take seconds per case. */
import type { Target } from '../../src/graph/index.js';
import { lowerGraph, nodesBehind } from '../../src/graph/index.js';
import type { Case } from './case.js';
import { CASES } from './cases/index.js';
import { caseGraph } from './check.js';
import { GOLDEN } from './suite.js';

/** The operators of a case, and its ONNX nodes with the attributes that they have. */
function contentsOf(each: Case, target: Target): string[] {
  const { definition } = caseGraph(each, GOLDEN.get(each.name)!.cotangent !== undefined);
  const { nodes } = lowerGraph(definition, target).model.graph;
  return [
    ...nodesBehind(Object.values(definition.outputs)).map(({ operator }) => `our ${operator.name}`),
    ...nodes.map(({ opType, attributes }) => `${opType} ${Object.keys(attributes).sort().join()}`),
  ];
}

/** Takes the smallest cases first, and each that adds an operator or a kind of node. */
export function coveringCases(target: Target): Case[] {
  const seen = new Set<string>();
  return CASES.map((each) => ({ each, contents: contentsOf(each, target) }))
    .sort((a, b) => a.contents.length - b.contents.length)
    .filter(({ contents }) => {
      const adds = contents.some((kind) => !seen.has(kind));
      contents.forEach((kind) => seen.add(kind));
      return adds;
    })
    .map(({ each }) => each);
}
