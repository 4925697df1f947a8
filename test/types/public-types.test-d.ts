/**
 * Types of the public entries. The type checker is the test: `npm run typecheck` fails where an expectation does not hold,
 * or where an error that is expected does not come.
 */
import { expectTypeOf } from 'vitest';
import type {
  ClassMask,
  Choice,
  Dataset,
  Evaluation,
  ExportedFile,
  MaskFeatures,
  ModelCard,
  ObjectFeatures,
  OpenOptions,
  Planes,
  PredictResult,
  Raster,
  RgbaImage,
  Segmentation,
  SegmentationWith,
  SegmentOptions,
  TrainResult,
} from '../../src/index.js';
import {
  colorize,
  drawOverlay,
  evaluate,
  exportRun,
  imageToPng,
  maskToPng,
  openDataset,
  predictFiles,
  type Segmenter,
  train,
} from '../../src/index.js';
import * as InPage from '../../src/browser/index.js';
import { createHandler, type HandlerOptions } from '../../src/serve/index.js';

declare const inNode: Segmenter;
declare const inPage: InPage.Segmenter;
declare const file: File;
declare const mask: ClassMask;
declare const image: Raster;

// What is asked for is there; what is not asked for may be absent.
for (const segmenter of [inNode, inPage] as const) {
  expectTypeOf((await segmenter.segment(file)).mask).toEqualTypeOf<ClassMask>();
  expectTypeOf((await segmenter.segment(file)).probabilities).toEqualTypeOf<Planes | undefined>();
  const all = await segmenter.segment(file, { probabilities: true, confidence: true, outlines: true });
  expectTypeOf(all.probabilities).toEqualTypeOf<Planes>();
  expectTypeOf(all.confidence).toEqualTypeOf<Float32Array>();
  expectTypeOf(all.outlines).toExtend<MaskFeatures | ObjectFeatures>();
  const confident = await segmenter.segment(file, { confidence: true, tile: 512, tta: 'flips' });
  expectTypeOf(confident.confidence).toEqualTypeOf<Float32Array>();
  expectTypeOf(confident.probabilities).toEqualTypeOf<Planes | undefined>();
  const perhaps: boolean = Math.random() < 0.5;
  const unsure = await segmenter.segment(file, { probabilities: perhaps });
  expectTypeOf(unsure.probabilities).toEqualTypeOf<Planes | undefined>();
  const options: SegmentOptions = { minArea: 9 };
  expectTypeOf(await segmenter.segment(file, options)).toExtend<Segmentation>();
  // @ts-expect-error a misspelt option
  await segmenter.segment(file, { probabilites: true });
  expectTypeOf(segmenter.close()).toEqualTypeOf<Promise<void>>();
  expectTypeOf(segmenter.card).toEqualTypeOf<ModelCard>();
  await using disposed = segmenter;
  void disposed;
}
// The results of both runtimes are one type, and so are the options.
expectTypeOf<InPage.Segmentation>().toEqualTypeOf<Segmentation>();
expectTypeOf<InPage.SegmentOptions>().toEqualTypeOf<SegmentOptions>();
expectTypeOf<SegmentationWith<true>['probabilities']>().toEqualTypeOf<Planes>();

// Sources.
declare const sharpPipeline: import('sharp').Sharp;
await inNode.segment('photo.jpg');
await inNode.segment(new URL('file:///photo.jpg'));
await inNode.segment(Buffer.of(1));
await inNode.segment(new ArrayBuffer(1));
await inNode.segment(new Blob([]).stream());
await inNode.segment(sharpPipeline);
await inNode.segment(new ImageData(1, 1));
await inNode.segment(image);
await inPage.segment('photo.jpg');
await inPage.segment(new OffscreenCanvas(1, 1));
await inPage.segment(document.createElement('video'));
// @ts-expect-error a number is no image
await inNode.segment(3);

// Pictures.
expectTypeOf(maskToPng(mask, { card: inNode.card })).toEqualTypeOf<Promise<Uint8Array<ArrayBuffer>>>();
expectTypeOf(drawOverlay(image, mask, { legend: 'beside' })).toEqualTypeOf<Promise<Raster>>();
expectTypeOf(colorize(mask)).toEqualTypeOf<RgbaImage>();
expectTypeOf(imageToPng).parameter(0).toEqualTypeOf<Raster | RgbaImage>();
new ImageData(colorize(mask).data, mask.width);
// @ts-expect-error there is no such place
await drawOverlay(image, mask, { legend: 'left' });
expectTypeOf(InPage.drawOverlay).toEqualTypeOf<typeof drawOverlay>();
expectTypeOf(InPage.maskToPng).toEqualTypeOf<typeof maskToPng>();

// Jobs, by the names of their types.
expectTypeOf(train({ data: 'cells' })).resolves.toEqualTypeOf<TrainResult>();
expectTypeOf<TrainResult['chosen']>().toEqualTypeOf<readonly Choice[]>();
expectTypeOf(evaluate).returns.resolves.toEqualTypeOf<Evaluation>();
expectTypeOf(predictFiles).returns.resolves.toEqualTypeOf<PredictResult>();
expectTypeOf(exportRun).returns.resolves.toEqualTypeOf<ExportedFile>();
expectTypeOf(openDataset).parameters.toEqualTypeOf<[OpenOptions]>();
expectTypeOf(openDataset).returns.resolves.toExtend<Dataset>();

// A handler of requests.
expectTypeOf(createHandler).returns.toEqualTypeOf<(request: Request) => Promise<Response>>();
expectTypeOf(createHandler).parameter(1).toEqualTypeOf<HandlerOptions | undefined>();
