/** An example picture that the program draws: cells under a microscope, as in `pixelwise demo`. */
import { drawCells } from '../src/data/demo-cells.js';

const SIDE = 128;

/** The next example, as a PNG file. @param number counts from 0; each draws another picture. */
export async function examplePicture(number: number): Promise<File> {
  const [cells] = drawCells({ seed: 100 + number, count: 1, width: SIDE, height: SIDE });
  const { width, height, data } = cells!.image;
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    pixels.data.set([data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!, 255], 4 * i);
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
  return new File([await canvas.convertToBlob()], `example-${number + 1}.png`, { type: 'image/png' });
}
