import { expect, test } from 'vitest';
import { answerFormat } from './answer-format.js';

test.each([
  [null, 'png'],
  ['*/*', 'png'],
  ['image/webp, image/*;q=0.8', 'png'],
  ['application/json', 'json'],
  ['application/geo+json;q=0.5, application/json;q=0.9', 'json'],
  ['application/json;q=0, */*;q=0.1', 'png'],
])('Accept: %s gives %s', (accept, format) => expect(answerFormat(undefined, accept)).toBe(format));

test('the query wins; what cannot be given is refused', () => {
  expect(answerFormat('rle', 'image/png')).toBe('rle');
  expect(() => answerFormat('gif', null)).toThrow(/png, overlay, rle, polygons, json, image, confidence/);
  expect(() => answerFormat(undefined, 'text/html')).toThrow(/None of/);
});
