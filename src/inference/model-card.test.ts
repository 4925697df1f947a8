import { describe, expect, it } from 'vitest';
import { tinyCard } from '../../test/inference/tiny-model.js';
import { formatCard, parseCard } from './model-card.js';

describe('the card of a model', () => {
  it('is equal after writing and reading', () => {
    const cards = [
      tinyCard(2, { threshold: 0.25, license: 'CC BY 4.0', scores: { meanIoU: 0.5 } }),
      tinyCard(5, { maxValue: 65535, normalization: { kind: 'per-image', name: 'per-image' } }),
    ];
    for (const card of cards) expect(parseCard(formatCard(card), 'm.onnx')).toEqual(card);
  });

  it('is reported missing in files of other programs', () => {
    expect(() => parseCard(undefined, 'other.onnx')).toThrow(/other\.onnx.*pixelwise export/);
  });

  it('is rejected if it is damaged or of another version', () => {
    const text = formatCard(tinyCard(3));
    expect(() => parseCard(text.slice(0, -5), 'm.onnx')).toThrow(/m\.onnx.*damaged/);
    expect(() => parseCard(text.replace('"version":1', '"version":9'), 'm.onnx')).toThrow(/version/);
    expect(() => parseCard(text.replace('"height":32', '"height":0'), 'm.onnx')).toThrow(/height/);
  });

  it('may not contradict itself', () => {
    const written = (changes: object) => () => parseCard(formatCard(tinyCard(3, changes)), 'm.onnx');
    expect(written({ threshold: 0.5 })).toThrow(/threshold/);
    expect(written({ palette: [] })).toThrow(/0 colours for 3 classes/);
    const normalization = { kind: 'fixed', name: 'own', mean: [0], std: [1] };
    expect(written({ normalization })).toThrow(/mean for 1 channels/);
  });
});
