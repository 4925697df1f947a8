import { createServer } from 'node:http';
import { drawOverlay, imageToPng, type Segmentation, Segmenter } from 'pixelwise';
import { toNodeListener } from 'pixelwise/serve';

const segmenter = await Segmenter.load('model.onnx');

async function overlay({ image, mask }: Segmentation): Promise<Response> {
  const drawn = await drawOverlay(image, mask, { card: segmenter.card });
  return new Response(await imageToPng(drawn), { headers: { 'content-type': 'image/png' } });
}
createServer(
  toNodeListener(async (request) => {
    const file = (await request.formData()).get('image') as File;
    return overlay(await segmenter.segment(file));
  }),
).listen(process.env.PORT ?? 3000);
