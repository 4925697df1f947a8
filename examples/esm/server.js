import { createServer } from 'node:http';
import { Segmenter } from 'pixelwise';
import { createHandler, toNodeListener } from 'pixelwise/serve';

const handler = createHandler(await Segmenter.load('model.onnx'), { format: 'overlay' });
createServer(toNodeListener(handler)).listen(process.env.PORT ?? 3000);
