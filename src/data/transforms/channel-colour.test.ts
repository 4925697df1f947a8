import { describe, expect, it } from 'vitest';
import golden from '../../../test/golden/channel_colour.json' with { type: 'json' };
import { Random } from '../../random/index.js';
import type { PairedSample } from '../paired-sample.js';
import { adjustChannelColour, channelColour } from './channel-colour.js';

const sampleOf = (image: readonly number[], channels = 3): PairedSample => ({
  id: 'sample',
  width: image.length / channels,
  height: 1,
  channels,
  image: Float32Array.from(image),
  mask: new Uint8Array(image.length / channels),
});

describe('adjustChannelColour', () => {
  it.each(golden)('equals the definitions of tf.image: $shift, $contrast, $saturation', (one) => {
    const { image } = adjustChannelColour(sampleOf(one.image), one.shift, one.contrast, one.saturation);
    one.result.forEach((value, i) => expect(image[i]).toBeCloseTo(value, 6));
  });

  it('leaves the saturation of what is not RGB alone', () => {
    const { image } = adjustChannelColour(sampleOf([0.25, 0.75], 1), 0, 0.5, 0);
    expect([...image]).toEqual([0.375, 0.625]);
  });
});

describe('channelColour', () => {
  it('draws from its ranges: fixed ones give the same as the adjustment', () => {
    const image = [0.1, 0.9, 0.4, 0.3, 0.2, 0.8];
    const drawn = channelColour({ brightness: 0, contrast: [0.6, 0.6], saturation: [0.5, 0.5] });
    const { image: result } = drawn(sampleOf(image), new Random(1, 'colour'));
    expect(result).toEqual(adjustChannelColour(sampleOf(image), 0, 0.6, 0.5).image);
  });

  it('refuses a range that falls or starts below 0', () => {
    const ranges = { brightness: 0.3, contrast: [0.7, 0.5], saturation: [1, 1] } as const;
    expect(() => channelColour(ranges)).toThrow(/range is 0.7 to 0.5/);
    expect(() => channelColour({ ...ranges, brightness: -1 })).toThrow(/range is 0 to -1/);
  });
});
