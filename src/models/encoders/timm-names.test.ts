import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MOBILENET_V2_TIMM_NAMES } from './mobilenet-v2.js';
import { encoderEntry, ENCODERS } from './registry.js';

/** torchvision's names, see test/golden/make_encoder_names.py. */
const names = JSON.parse(
  readFileSync(new URL('../../../test/golden/weights/mobilenet-v2-names.json', import.meta.url), 'utf8'),
) as string[];

describe('ENCODERS', () => {
  it('names each tensor of MobileNetV2 as timm does, and back', () => {
    const { toTimm, fromTimm } = MOBILENET_V2_TIMM_NAMES;
    expect(names.length).toBe(262);
    const timm = names.map(toTimm);
    expect(new Set(timm).size).toBe(names.length);
    expect(timm.filter((name) => names.includes(name))).toEqual([]);
    expect(timm.map(fromTimm)).toEqual(names);
  });

  it('knows the layers of timm', () => {
    const { toTimm } = MOBILENET_V2_TIMM_NAMES;
    expect(toTimm('features.0.0.weight')).toBe('conv_stem.weight');
    expect(toTimm('features.0.1.running_var')).toBe('bn1.running_var');
    expect(toTimm('features.1.conv.0.0.weight')).toBe('blocks.0.0.conv_dw.weight');
    expect(toTimm('features.1.conv.2.bias')).toBe('blocks.0.0.bn2.bias');
    expect(toTimm('features.4.conv.0.0.weight')).toBe('blocks.2.0.conv_pw.weight');
    expect(toTimm('features.13.conv.1.0.weight')).toBe('blocks.4.2.conv_dw.weight');
    expect(toTimm('features.17.conv.3.weight')).toBe('blocks.6.0.bn3.weight');
    expect(toTimm('features.18.0.weight')).toBe('conv_head.weight');
    expect(toTimm('classifier.1.bias')).toBe('classifier.bias');
  });

  it('takes the hash of published files from their names', () => {
    expect(ENCODERS.mobilenet_v2.published.imagenet).toEqual({
      url: 'https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth',
      fileName: 'mobilenet_v2-7ebf99e0.pth',
      sha256Prefix: '7ebf99e0',
    });
  });

  it('lists the encoders for a name that is none', () => {
    expect(() => encoderEntry('toString')).toThrow(
      'There is no encoder "toString"; there are mobilenet_v2, mobilenet_v3_small, ',
    );
  });
});
