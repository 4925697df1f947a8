import fc from 'fast-check';
import { expect, test } from 'vitest';
import { confidenceOf } from './confidence.js';
import { wasmThreads } from './device.js';
import { coloursOf, luminanceOf } from './pixels.js';
import { missingGpu } from './web-gpu.js';

test('RGBA becomes RGB, whatever its alpha', () => {
  const rgba = Uint8ClampedArray.of(1, 2, 3, 0, 250, 251, 252, 255);
  expect(coloursOf(rgba, 2, 1)).toEqual({
    width: 2,
    height: 1,
    channels: 3,
    data: Uint8Array.of(1, 2, 3, 250, 251, 252),
  });
});

test('greys are their own luminance; colours as PIL has them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), (grey) => {
      expect(luminanceOf(Uint8ClampedArray.of(grey, grey, grey, 255), 1, 1).data[0]).toBe(grey);
    }),
  );
  const colours = Uint8ClampedArray.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 12, 200, 77, 255);
  expect([...luminanceOf(colours, 4, 1).data]).toEqual([76, 150, 29, 130]);
});

test('confidence is the probability of the class in the mask', () => {
  const probabilities = Float32Array.of(0.5, 0.25, 0.125, 0.5, 0.75, 0.875);
  expect([...confidenceOf(Uint8Array.of(0, 1, 1), probabilities)]).toEqual([0.5, 0.75, 0.875]);
});

test('threads need isolation', () => {
  expect(wasmThreads(4, { crossOriginIsolated: false, hardwareConcurrency: 8 })).toBe(1);
  expect(wasmThreads(4, { crossOriginIsolated: true, hardwareConcurrency: 2 })).toBe(4);
  expect(wasmThreads(undefined, { crossOriginIsolated: true, hardwareConcurrency: 2 })).toBe(2);
  expect(wasmThreads(undefined, { crossOriginIsolated: true, hardwareConcurrency: 64 })).toBe(8);
});

test('why there is no WebGPU', async () => {
  const gpu = (adapter: object | null) => ({
    gpu: { requestAdapter: async () => adapter } as unknown as GPU,
  });
  expect(await missingGpu({})).toEqual({ why: expect.stringMatching(/no WebGPU/), software: false });
  expect(await missingGpu(gpu(null))).toMatchObject({ why: expect.stringMatching(/no GPU/) });
  expect(await missingGpu(gpu({ info: { isFallbackAdapter: true } }))).toMatchObject({ software: true });
  expect(await missingGpu(gpu({ info: { isFallbackAdapter: false } }))).toBeUndefined();
});
