import { drawOverlay, imageToPng, Segmenter } from 'pixelwise';

let loading;

export async function POST(request) {
  const segmenter = await (loading ??= Segmenter.load('model.onnx'));
  const file = (await request.formData()).get('image');
  const { image, mask } = await segmenter.segment(file);
  const drawn = await drawOverlay(image, mask, { card: segmenter.card });
  return new Response(await imageToPng(drawn), { headers: { 'content-type': 'image/png' } });
}
