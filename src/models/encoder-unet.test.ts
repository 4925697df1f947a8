import { describe, expect, it } from 'vitest';
import { createModel, MobileNetUNet, summarize } from './index.js';

const sizes = { height: 64, width: 96 };

describe('the decoder of a U-Net on an encoder', () => {
  it('has the weights of segmentation_models.pytorch, and the image as the last skip', () => {
    const { decoder } = new MobileNetUNet({ upsampling: 'nearest', decoderConvs: 2, decoderNorm: 'batch' });
    const shapes = decoder.map((block) =>
      block.namedParameters().flatMap(([name, { shape }]) => (name.startsWith('conv') ? [shape] : [])),
    );
    const inputs = [320 + 96, 256 + 32, 128 + 24, 64 + 16, 32 + 3];
    expect(shapes).toEqual(
      [256, 128, 64, 32, 16].map((to, i) => [
        [to, inputs[i], 3, 3],
        [to, to, 3, 3],
      ]),
    );
    expect(decoder[0]!.namedParameters().map(([name]) => name)).toEqual([
      'conv.weight',
      'norm.weight',
      'norm.bias',
      'conv2.weight',
      'norm2.weight',
      'norm2.bias',
    ]);
  });

  it('keeps the names that files of published weights and old checkpoints have', () => {
    const { decoder } = new MobileNetUNet();
    expect(decoder[4]!.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
      ['upsample.weight', [32, 16, 2, 2]],
      ['upsample.bias', [16]],
      ['conv.weight', [16, 19, 3, 3]],
      ['conv.bias', [16]],
    ]);
  });

  it.each([
    [1, [256, 128, 64, 32, 16]],
    [2, [256, 128, 64, 32]],
    [4, [256, 128, 64]],
  ] as const)('with stride %i ends there, and outputs logits of the full size', (decoderStride, widths) => {
    const model = new MobileNetUNet({ decoderStride, decoderNorm: 'group' });
    expect(model.decoder.map(({ conv }) => conv.weight.shape[0])).toEqual(widths);
    const { output, layers } = summarize(model, sizes);
    expect(output).toEqual([null, 1, 64, 96]);
    expect(layers.find(({ name }) => name === 'head')!.output.slice(2)).toEqual([
      64 / decoderStride,
      96 / decoderStride,
    ]);
  });

  it('halves its channels with its width, on every encoder', () => {
    for (const name of ['mobilenet-unet', 'resnet18-unet']) {
      const { sizes: levels } = summarize(
        createModel(name, { decoderWidth: 8, upsampling: 'bilinear' }),
        sizes,
      );
      expect(levels.map(({ up }) => up)).toEqual([8, 16, 32, 64, 128, undefined]);
    }
  });
});
