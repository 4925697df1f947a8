import { describe, expect, it } from 'vitest';
import { colourDistance, labOf, smallestDistance, VISIONS } from './colour-vision.js';
import { backgroundClass, CLASS_PALETTE, classColour, classColours, hexColour } from './palette.js';

describe('CLASS_PALETTE', () => {
  it('gives every class a colour of its own', () => {
    const seen = new Set(Array.from({ length: 256 }, (_, index) => classColour(index).join()));
    expect(seen.size).toBe(256);
    expect(CLASS_PALETTE.length).toBe(768);
    expect(classColour(0)).toEqual([0, 0, 0]);
  });

  it('is told apart with any colour vision, as far as 21 classes', () => {
    const first = (count: number) => Array.from({ length: count }, (_, index) => classColour(index));
    for (const vision of VISIONS) {
      // About 2.3 can just be seen, 10 is plain at a glance.
      expect(smallestDistance(first(3), vision), vision).toBeGreaterThan(75);
      expect(smallestDistance(first(12), vision), vision).toBeGreaterThan(16);
      expect(smallestDistance(first(21), vision), vision).toBeGreaterThan(15);
    }
  });
});

describe('the colours of a set of classes', () => {
  it('are black for the background wherever it stands, and in order for the others', () => {
    expect(backgroundClass(['pet', 'background', 'border'])).toBe(1);
    expect(backgroundClass(['sky', 'road'])).toBe(0);
    const colours = classColours(['pet', 'background', 'border']);
    expect(colours).toEqual([classColour(1), classColour(0), classColour(2)]);
    expect(classColours(['sky', 'road'])).toEqual([classColour(0), classColour(1)]);
    expect(hexColour(colours[0]!)).toBe('#e69f00');
    expect(hexColour([0, 10, 255])).toBe('#000aff');
  });
});

describe('the background', () => {
  it('is the class of that name, however it is written', () => {
    expect(backgroundClass(['cat', 'Background', 'dog'])).toBe(1);
    expect(backgroundClass(['_background_', 'cat', 'dog'])).toBe(0);
    expect(backgroundClass(['sky', 'road', 'background car'])).toBeNull();
  });

  it('is the first of two classes, and of classes that nobody named', () => {
    expect(backgroundClass(['sky', 'road'])).toBe(0);
    expect(backgroundClass(['class 0', 'class 1', 'class 2'])).toBe(0);
  });

  it('is none of several named classes without it: the first is drawn too, in a colour of its own', () => {
    expect(backgroundClass(['sky', 'road', 'car'])).toBeNull();
    expect(classColours(['sky', 'road', 'car'])).toEqual([3, 1, 2].map(classColour));
    const most = classColours(Array.from({ length: 255 }, (_, i) => `kind ${i}`));
    expect(new Set(most.map(String)).size).toBe(255);
    expect(most.map(String)).not.toContain(String(classColour(255)));
  });
});

describe('colour vision', () => {
  it('measures as CIE L*a*b* does', () => {
    // Values of D65 white, and of sRGB red, as tables have them.
    [100, 0, 0].forEach((value, i) => expect(labOf([255, 255, 255], 'normal')[i]).toBeCloseTo(value, 1));
    [53.24, 80.09, 67.2].forEach((value, i) => expect(labOf([255, 0, 0], 'normal')[i]).toBeCloseTo(value, 1));
  });

  it('sees what is known to be confused as alike, and greys as they are', () => {
    const [red, green] = [[178, 102, 80] as const, [128, 128, 80] as const];
    expect(colourDistance(red, green, 'deuteranopia')).toBeLessThan(colourDistance(red, green) / 2);
    for (const vision of VISIONS) {
      expect(labOf([128, 128, 128], vision)[1]).toBeCloseTo(0, 0);
      expect(labOf([128, 128, 128], vision)[2]).toBeCloseTo(0, 0);
    }
  });
});
