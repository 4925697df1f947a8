import { expect, it } from 'vitest';
import { train } from './train.js';
import type { TrainOptions } from './train-options.js';

it.each<[Partial<TrainOptions>, RegExp]>([
  [{ loss: 'diice' }, /no loss "diice".* Did you mean "dice"\?/],
  [{ loss: 'dice', focalGamma: 2 }, /focalGamma is for focal/],
  [{ augment: 'flip,rotat:3' }, /Did you mean "rotate"\?/],
  [{ model: 'unett' }, /no model "unett".*Did you mean "unet"\?/],
  [
    { model: 'unet', encoderBn: 'frozen' },
    /--encoder-bn is not an option of unet, whose options are --depth/,
  ],
  [{ model: 'unet', encoderWeights: 'imagenet' }, /unet has no pretrained encoder/],
  [{ model: 'mobilenet-unet', encoderWeights: 'imagenett' }, /"imagenett" is neither a weight file/],
  [{ optimizer: 'adam', momentum: 0.9 }, /--momentum is for --optimizer/],
  [{ recipe: 'brain-mri-unet', loss: 'diice' }, /no loss "diice"/],
  [{ val: 0, patience: 3 }, /--patience needs a validation part/],
  [{ monitor: 'metric:mine', metrics: { own: () => 1 } }, /metrics of train\(\) has no "mine"; it has own/],
  [{ device: 'npu' as 'cpu' }, /device "npu" is not in this machine's ONNX Runtime/],
])('refuses %j before the data is looked at', async (options, message) => {
  await expect(train({ data: '/nowhere', ...options })).rejects.toThrow(message);
});
