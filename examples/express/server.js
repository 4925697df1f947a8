import express from 'express';
import { Segmenter } from 'pixelwise';
import { createHandler, toNodeListener } from 'pixelwise/serve';

const handler = createHandler(await Segmenter.load('model.onnx'), { format: 'overlay' });
express()
  .post('/segment', toNodeListener(handler))
  .listen(process.env.PORT ?? 3000);
