import { expect, test } from 'vitest';
import { asLuminance, coloursOf } from '../images/rgba.js';
import { confidenceOf } from '../inference/confidence.js';
import { wasmThreads } from './device.js';
import { missingGpu } from './web-gpu.js';

test('RGBA becomes RGB, whatever its alpha', () => {
  const rgba = Uint8ClampedArray.of(1, 2, 3, 0, 250, 251, 252, 255);
  expect(coloursOf({ width: 2, height: 1, data: rgba })).toEqual({
    width: 2,
    height: 1,
    channels: 3,
    data: Uint8Array.of(1, 2, 3, 250, 251, 252),
  });
});

test('greys are their own luminance; colours as PIL has them', () => {
  const grey = {
    width: 256,
    height: 1,
    channels: 3,
    data: Uint8Array.from({ length: 768 }, (_, i) => i / 3),
  };
  expect([...asLuminance(grey).data]).toEqual(Array.from({ length: 256 }, (_, i) => i));
  const deep = { ...grey, width: 1, data: Uint16Array.of(65535, 65535, 65535) };
  expect([...asLuminance(deep).data]).toEqual([65535]);
  const data = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 200, 77);
  expect([...asLuminance({ width: 4, height: 1, channels: 3, data }).data]).toEqual([76, 150, 29, 130]);
  const one = { width: 1, height: 1, channels: 1, data: Uint8Array.of(9) };
  expect(asLuminance(one)).toBe(one);
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
