import { Segmenter } from 'pixelwise';
import { createHandler } from 'pixelwise/serve';

const handler = createHandler(await Segmenter.load('model.onnx'), { format: 'overlay' });
Bun.serve({ port: process.env.PORT ?? 3000, fetch: handler });
