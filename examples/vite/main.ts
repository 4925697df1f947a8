import { drawOverlay, imageToPng, Segmenter } from 'pixelwise/browser';

const segmenter = await Segmenter.load('model.onnx');
const input = document.querySelector('input')!;
input.onchange = async () => {
  const { image, mask } = await segmenter.segment(input.files![0]!);
  const drawn = await drawOverlay(image, mask, { card: segmenter.card });
  const png = new Blob([await imageToPng(drawn)], { type: 'image/png' });
  document.querySelector('img')!.src = URL.createObjectURL(png);
};
