import { drawOverlay, imageToPng, Segmenter } from 'pixelwise';

const segmenter = await Segmenter.load('model.onnx');
Deno.serve({ port: Number(Deno.env.get('PORT') ?? 3000) }, async (request) => {
  const file = (await request.formData()).get('image');
  const { image, mask } = await segmenter.segment(file);
  const drawn = await drawOverlay(image, mask, { card: segmenter.card });
  return new Response(await imageToPng(drawn), { headers: { 'content-type': 'image/png' } });
});
