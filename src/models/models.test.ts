import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import type { Layer } from '../nn/index.js';
import { createModel, MobileNetV2, MobileNetV2Encoder, ResNet, SegNet, summarize } from './index.js';

const counts = (model: Layer) => summarize(model, { height: 64, width: 64 }).parameters;

describe('published parameter counts', () => {
  it('MobileNetV2 as a classifier and as an encoder', () => {
    const model = new MobileNetV2();
    const { modules, parameters } = summarize(model, { height: 224, width: 224 });
    expect(parameters.total).toBe(3_504_872);
    const features = modules.children[0]!;
    expect(features.parameters).toBe(2_223_872);
    expect(features.children.map((block) => block.parameters)).toEqual([
      928, 896, 5_136, 8_832, 10_000, 14_848, 14_848, 21_056, 54_272, 54_272, 54_272, 66_624, 118_272,
      118_272, 155_264, 320_000, 320_000, 473_920, 412_160,
    ]);
    // PyTorch and Keras report 300 million.
    expect(summarize(model, { height: 224, width: 224 }).multiplyAdds).toBe(300_774_272);
  });

  it('MobileNetV2 U-Net, encoder frozen', () => {
    const model = createModel('mobilenet-unet', { classes: 3 });
    expect(counts(model)).toEqual({ total: 3_377_475, trainable: 1_565_763, frozen: 1_811_712 });
    for (const size of [224, 128]) {
      const { sizes } = summarize(model, { height: size, width: size });
      expect(sizes.map((level) => [level.down, ...level.size])).toEqual(
        [3, 16, 24, 32, 96, 320].map((channels, i) => [channels, size >> i, size >> i]),
      );
      expect(sizes.map(({ up }) => up)).toEqual([16, 32, 64, 128, 256, undefined]);
    }
  });

  it.each([
    [18, 11_689_512, 11_176_512],
    [34, 21_797_672, 21_284_672],
  ] as const)('ResNet-%i as a classifier and as an encoder', (depth, whole, encoder) => {
    expect(counts(new ResNet({ depth })).total).toBe(whole);
    const { parameters, sizes } = summarize(createModel(`resnet${depth}-unet`), { height: 96, width: 64 });
    expect(parameters.frozen).toBe(encoder);
    expect(sizes.map((level) => [level.down, ...level.size])).toEqual([
      [3, 96, 64],
      [64, 48, 32],
      [64, 24, 16],
      [128, 12, 8],
      [256, 6, 4],
      [512, 3, 2],
    ]);
  });

  it('DeepLabV3+ stops at 1/16', () => {
    const { sizes, parameters } = summarize(createModel('deeplabv3plus'), { height: 64, width: 64 });
    expect(parameters.frozen).toBe(1_811_712);
    expect(sizes.map(({ down, size }) => [down, size[0]])).toEqual([
      [3, 64],
      [96, 32],
      [24, 16],
      [192, 8],
      [256, 4],
    ]);
  });

  it('SegNet', () => {
    expect(counts(createModel('segnet', { classes: 3 }))).toEqual({
      total: 15_274_892,
      trainable: 15_274_892,
      frozen: 0,
    });
  });

  it('SegNet with five stages has the convolutions of VGG-16 twice', () => {
    const convolutions = summarize(new SegNet({ stages: 5, head: 'linear' }), {
      height: 64,
      width: 64,
    }).layers.filter(({ type }) => type === 'Conv2d');
    expect(convolutions.map(({ output }) => output[1])).toEqual([
      ...[64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512],
      ...[512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64, 3],
    ]);
  });
});

describe('MobileNetV2', () => {
  it('keeps its weights and dilates its convolutions where a stride is left out', () => {
    const at = (outputStride: 16 | 32) => new MobileNetV2Encoder({ outputStride });
    const shapes = (encoder: MobileNetV2Encoder) =>
      encoder.namedParameters().map(([name, p]) => [name, p.shape]);
    expect(shapes(at(16))).toEqual(shapes(at(32)));
  });
});

describe('SegNet', () => {
  it('rejects a single logit that is never negative', () => {
    expect(() => new SegNet({ classes: 1, head: 'norm-relu' })).toThrow(UsageError);
    const output = (options: object) =>
      summarize(createModel('segnet', { classes: 2, width: 1, ...options }), { height: 16, width: 16 })
        .output[1];
    expect(output({})).toBe(1);
    expect(output({ head: 'linear' })).toBe(1);
    expect(output({ head: 'norm-relu' })).toBe(2);
  });
});
