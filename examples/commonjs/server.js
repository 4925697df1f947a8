const { createServer } = require('node:http');

async function main() {
  const { Segmenter } = await import('pixelwise');
  const { createHandler, toNodeListener } = await import('pixelwise/serve');
  const handler = createHandler(await Segmenter.load('model.onnx'), { format: 'overlay' });
  createServer(toNodeListener(handler)).listen(process.env.PORT ?? 3000);
}
main();
