/** Random models for property tests. */
import fc from 'fast-check';
import {
  type AttributeValue,
  type DataType,
  ELEMENT_BYTES,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from '../src/onnx/model.js';

const name = fc.string({ unit: 'binary', maxLength: 12 });
const numericType = fc.constantFrom(...(Object.keys(ELEMENT_BYTES) as Exclude<DataType, 'string'>[]));
const integer = fc.maxSafeInteger();
const float = fc.float();

const tensor: fc.Arbitrary<OnnxTensor> = fc
  .tuple(name, numericType, fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([tensorName, dataType, dims]) => {
    const bytes = dims.reduce((product, size) => product * size, ELEMENT_BYTES[dataType]);
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((data) => ({ name: tensorName, dataType, dims, data }));
  });

const dims = fc.array(fc.oneof(fc.nat(), name), { maxLength: 4 });
const valueInfo: fc.Arbitrary<ValueInfo> = fc.oneof(
  fc.record({ name, dataType: numericType, dims: fc.option(dims, { nil: undefined }) }),
  name.map((valueName) => ({ name: valueName, dataType: undefined, dims: undefined })),
);

const { graph } = fc.letrec<{ graph: OnnxGraph; node: OnnxNode; attribute: AttributeValue }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 1, withCrossShrink: true },
    fc.record({ type: fc.constant('int' as const), value: integer }),
    fc.record({ type: fc.constant('float' as const), value: float }),
    fc.record({ type: fc.constant('string' as const), value: name }),
    fc.record({ type: fc.constant('ints' as const), value: fc.array(integer, { maxLength: 5 }) }),
    fc.record({ type: fc.constant('floats' as const), value: fc.array(float, { maxLength: 5 }) }),
    fc.record({ type: fc.constant('strings' as const), value: fc.array(name, { maxLength: 3 }) }),
    fc.record({ type: fc.constant('tensor' as const), value: tensor }),
    fc.record({ type: fc.constant('graph' as const), value: tie('graph') }),
  ),
  node: fc.record({
    name,
    opType: name,
    domain: name,
    inputs: fc.array(name, { maxLength: 3 }),
    outputs: fc.array(name, { maxLength: 3 }),
    attributes: fc.dictionary(name, tie('attribute'), { maxKeys: 3, noNullPrototype: true }),
  }),
  graph: fc.record({
    name,
    nodes: fc.array(tie('node'), { maxLength: 3 }),
    initializers: fc.array(tensor, { maxLength: 3 }),
    inputs: fc.array(valueInfo, { maxLength: 2 }),
    outputs: fc.array(valueInfo, { maxLength: 2 }),
  }),
}));

export const arbitraryModel: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.integer({ min: 1, max: 20 }),
  producerName: name,
  producerVersion: name,
  opsets: fc.dictionary(name, fc.nat(100), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  metadata: fc.dictionary(name, name, { maxKeys: 3, noNullPrototype: true }),
  graph,
});
