/**
 * Pictures to try the system on, drawn instead of downloaded: stained cells under a badly adjusted
 * microscope. Two kinds of cell, smooth ones and spiky ones, take their size, stain and darkness from
 * the same distributions, and the lamp's brightness, colour, gradient and vignette vary by more than a
 * cell absorbs. So a pixel's own value says little about its class (`demo-cells.test.ts` holds the best
 * rule that looks at one pixel under a mean IoU of 0.5), while outline and texture say nearly everything.
 *
 * Light is counted as in a real brightfield microscope: a cell transmits exp(−absorbance) of what the
 * lamp sends (Beer and Lambert), the optics blur the product, the sensor adds noise.
 */
import type { ClassMask, Raster } from '../images/raster.js';
import { UsageError } from '../errors/index.js';
import { classesOfCodes, objectCode, type ObjectMask } from '../objects/index.js';
import { Random } from '../random/index.js';

/** Class names by index: the values of the masks. */
export const CELL_CLASSES = ['background', 'smooth cell', 'spiky cell'] as const;

/** Places in {@link CELL_CLASSES}; background is the 0 that a fresh mask holds. */
const SMOOTH = 1;
const SPIKY = 2;

export interface DrawCellsOptions {
  /** The same seed draws the same pictures, on any machine. Default 0. */
  readonly seed?: number;
  /** How many pictures. */
  readonly count: number;
  /** Pixels, 32 … 4096. Cells keep their size in pixels: a larger picture holds more of them. Default 128. */
  readonly width?: number;
  readonly height?: number;
  /** How many times as many cells, 0.1 … 4. From about 1.5 on, most of them touch or overlap others. Default 1. */
  readonly crowd?: number;
}

/** One picture (8-bit RGB), the class of each of its pixels, and the cell it belongs to: the one on top. */
export interface CellPicture {
  readonly image: Raster;
  readonly mask: ClassMask;
  readonly objects: ObjectMask;
}

/**
 * Draws the pictures one after another. Picture `i` depends on the seed, `i` and the size alone, not on
 * how many are asked for.
 *
 * @throws UsageError where the count or a side is out of range.
 */
export function* drawCells(options: DrawCellsOptions): Generator<CellPicture, void, void> {
  const { seed = 0, count, width = 128, height = 128, crowd = 1 } = options;
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`drawCells draws a whole number of pictures, 1 or more; got ${count}.`);
  }
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < 32 || side > 4096) {
      throw new UsageError(`drawCells draws pictures of 32 to 4096 pixels a side; got ${width} × ${height}.`);
    }
  }
  if (!(crowd >= 0.1 && crowd <= 4)) {
    throw new UsageError(`drawCells: crowd must be from 0.1 to 4; got ${crowd}.`);
  }
  const textures: Textures = {
    coarse: new Texture(new Random(seed, 'demo-cells', 'coarse'), 2.4),
    fine: new Texture(new Random(seed, 'demo-cells', 'fine'), 0.7),
    cloudy: new Texture(new Random(seed, 'demo-cells', 'cloudy'), 9),
    grain: new Texture(new Random(seed, 'demo-cells', 'grain'), 0),
  };
  for (let i = 0; i < count; i++) {
    yield drawPicture(new Random(seed, 'demo-cells', 'picture', i), textures, width, height, crowd);
  }
}

interface Textures {
  /** Grains of the smooth cells. */
  readonly coarse: Texture;
  /** Grains of the spiky cells. */
  readonly fine: Texture;
  /** Dirt on the slide, far out of focus. */
  readonly cloudy: Texture;
  /** Sensor noise. */
  readonly grain: Texture;
}

/** A field of normal noise, zero mean and unit variance, smooth at the scale of `sigma` pixels; it repeats. */
class Texture {
  private static readonly SIDE = 256;
  private readonly field: Float32Array;

  constructor(random: Random, sigma: number) {
    const side = Texture.SIDE;
    const field = new Float32Array(side * side);
    for (let i = 0; i < field.length; i++) field[i] = random.normal();
    if (sigma > 0) blur(field, side, side, 1, sigma, 'wrap');
    let sum = 0;
    let squares = 0;
    for (const value of field) {
      sum += value;
      squares += value * value;
    }
    const mean = sum / field.length;
    const scale = 1 / Math.sqrt(squares / field.length - mean * mean);
    for (let i = 0; i < field.length; i++) field[i] = (field[i]! - mean) * scale;
    this.field = field;
  }

  /** The value at whole coordinates, which wrap around. */
  at(x: number, y: number): number {
    return this.field[((y & 255) << 8) | (x & 255)]!;
  }
}

function drawPicture(
  random: Random,
  textures: Textures,
  width: number,
  height: number,
  crowd: number,
): CellPicture {
  const light = new Float32Array(width * height * 3);
  const codes = new Uint32Array(width * height);
  paintSlide(random, textures, light, width, height);
  const cells = Math.max(2, Math.round((crowd * width * height * random.uniform(6, 11)) / 128 ** 2));
  for (let i = 0; i < cells; i++) paintCell(random, textures, light, codes, i + 1, width, height);
  blur(light, width, height, 3, random.uniform(0.35, 1.0), 'clamp');
  const data = expose(random, textures, light, width, height);
  return {
    image: { width, height, channels: 3, data },
    mask: { width, height, data: classesOfCodes(codes) },
    objects: { width, height, data: codes },
  };
}

/** What lies on the glass besides cells: haze, cells of other layers far out of focus, specks of dirt. */
function paintSlide(
  random: Random,
  textures: Textures,
  light: Float32Array,
  width: number,
  height: number,
): void {
  const shiftX = random.integer(256);
  const shiftY = random.integer(256);
  const haze = random.uniform(0.02, 0.08);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const value = Math.exp(haze * textures.cloudy.at(x + shiftX, y + shiftY) - 0.05);
      light[at] = light[at + 1] = light[at + 2] = value;
    }
  }
  const area = (width * height) / 128 ** 2;
  for (let i = Math.round(area * random.uniform(2, 5)); i > 0; i--) {
    const ghost = {
      x: random.uniform(0, width),
      y: random.uniform(0, height),
      radius: random.uniform(7, 16),
    };
    paintSpot(light, width, height, ghost, stain(random), random.uniform(0.15, 0.5), 0.8);
  }
  for (let i = Math.round(area * random.uniform(4, 14)); i > 0; i--) {
    const speck = {
      x: random.uniform(0, width),
      y: random.uniform(0, height),
      radius: random.uniform(0.8, 2.2),
    };
    paintSpot(light, width, height, speck, stain(random), random.uniform(0.2, 0.7), 0.5);
  }
}

/** Absorbs light in a disc whose edge is `softness` (0 … 1) of its radius wide. */
function paintSpot(
  light: Float32Array,
  width: number,
  height: number,
  spot: { x: number; y: number; radius: number },
  colour: readonly [number, number, number],
  absorbance: number,
  softness: number,
): void {
  const reach = spot.radius * (1 + softness);
  for (let y = Math.max(0, Math.ceil(spot.y - reach)); y <= Math.min(height - 1, spot.y + reach); y++) {
    for (let x = Math.max(0, Math.ceil(spot.x - reach)); x <= Math.min(width - 1, spot.x + reach); x++) {
      const distance = Math.hypot(x - spot.x, y - spot.y) / spot.radius;
      const amount = absorbance * smoothstep((1 + softness - distance) / (2 * softness));
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) light[at + c]! *= Math.exp(-amount * colour[c]!);
    }
  }
}

/** How strongly red, green and blue are absorbed: somewhere between a violet and a teal dye. */
function stain(random: Random): [number, number, number] {
  const dye = random.float();
  return [0.75 + 0.4 * dye, 1.2 - 0.35 * dye, 0.85 - 0.15 * dye];
}

/** Paints one cell over the image, and writes the code of its number and class into the mask. */
function paintCell(
  random: Random,
  textures: Textures,
  light: Float32Array,
  codes: Uint32Array,
  number: number,
  width: number,
  height: number,
): void {
  const kind = random.chance(0.5) ? SMOOTH : SPIKY;
  const outline = kind === SMOOTH ? smoothOutline(random) : spikyOutline(random);
  const texture = kind === SMOOTH ? textures.coarse : textures.fine;
  const centreX = random.uniform(0, width);
  const centreY = random.uniform(0, height);
  const colour = stain(random);
  const body = random.uniform(0.1, 0.42);
  const grain = random.uniform(0.12, 0.19);
  const rim = random.uniform(0.05, 0.25);
  /** Half the width of the edge in pixels: a cell above or below the focal plane has a soft one. */
  const defocus = random.chance(0.25) ? random.uniform(1.5, 2.8) : random.uniform(0.5, 1.0);
  const shiftX = random.integer(256);
  const shiftY = random.integer(256);
  const nucleusAngle = random.uniform(0, 2 * Math.PI);
  const nucleusX = centreX + 2.5 * Math.cos(nucleusAngle);
  const nucleusY = centreY + 2.5 * Math.sin(nucleusAngle);
  const nucleusRadius = random.uniform(3, 5);
  const nucleus = random.uniform(0.1, 0.35);

  const reach = Math.max(...outline) + 6;
  const perRadian = outline.length / (2 * Math.PI);
  for (let y = Math.max(0, Math.ceil(centreY - reach)); y <= Math.min(height - 1, centreY + reach); y++) {
    for (let x = Math.max(0, Math.ceil(centreX - reach)); x <= Math.min(width - 1, centreX + reach); x++) {
      const dx = x - centreX;
      const dy = y - centreY;
      const radius = outline[Math.floor((Math.atan2(dy, dx) + Math.PI) * perRadian) % outline.length]!;
      /** Pixels outside the outline, along the ray from the centre. */
      const outside = Math.sqrt(dx * dx + dy * dy) - radius;
      if (outside > 6) continue;
      const cover = 0.9 * smoothstep((defocus - outside) / (2 * defocus));
      const halo = outside > 0 ? 1 + 0.15 * Math.exp(-outside / 1.5) : 1;
      const fromNucleus = Math.hypot(x - nucleusX, y - nucleusY);
      const absorbance =
        body +
        rim * Math.exp(-(((outside + 1.5) / 1.3) ** 2)) +
        nucleus * smoothstep((nucleusRadius + 1 - fromNucleus) / 2) +
        grain * texture.at(x + shiftX, y + shiftY);
      const at = y * width + x;
      for (let c = 0; c < 3; c++) {
        const through = Math.exp(-absorbance * colour[c]!);
        light[at * 3 + c] = light[at * 3 + c]! * halo * (1 - cover) + through * cover;
      }
      if (outside <= 0) codes[at] = objectCode(number, kind);
    }
  }
}

/** Radii in pixels over the full turn of an egg or a bean. */
function smoothOutline(random: Random): Float32Array {
  const size = random.uniform(9.5, 15);
  const stretch = random.uniform(0.05, 0.2);
  const dent = random.uniform(0, 0.07);
  const turn = random.uniform(0, 2 * Math.PI);
  const dentTurn = random.uniform(0, 2 * Math.PI);
  return outlineOf(
    (angle) => size * (1 + stretch * Math.cos(2 * angle + turn) + dent * Math.cos(3 * angle + dentTurn)),
  );
}

/** Radii in pixels over the full turn of a star with uneven arms, of the same mean area as the smooth cells. */
function spikyOutline(random: Random): Float32Array {
  const size = random.uniform(9.5, 15);
  const arms = 5 + random.integer(4);
  const turn = random.uniform(0, 2 * Math.PI);
  const lengths = Float32Array.from({ length: arms }, () => random.uniform(0.5, 0.95));
  return outlineOf((angle) => {
    const phase = (((((angle + turn) * arms) / (2 * Math.PI)) % arms) + arms) % arms;
    const arm = Math.floor(phase);
    const towardsTip = 0.5 - 0.5 * Math.cos(2 * Math.PI * (phase - arm));
    return size * (0.72 + lengths[arm]! * towardsTip ** 2);
  });
}

function outlineOf(radius: (angle: number) => number): Float32Array {
  const steps = 360;
  return Float32Array.from({ length: steps }, (_, i) => radius(((i + 0.5) * 2 * Math.PI) / steps - Math.PI));
}

/** Lamp and sensor: uneven illumination of a changing colour, then noise, then eight bits. */
function expose(
  random: Random,
  textures: Textures,
  light: Float32Array,
  width: number,
  height: number,
): Uint8Array {
  const exposure = random.uniform(110, 215);
  const warmth = random.uniform(-0.16, 0.16);
  const green = random.uniform(-0.1, 0.1);
  const lamp = [exposure * (1 + warmth), exposure * (1 + green), exposure * (1 - warmth)] as const;
  const angle = random.uniform(0, 2 * Math.PI);
  const slope = random.uniform(0.1, 0.35);
  const slopeX = (slope * Math.cos(angle)) / (width / 2);
  const slopeY = (slope * Math.sin(angle)) / (height / 2);
  /** The gradient of colour across the field, as of a lamp out of line with its filter. */
  const drift = random.uniform(-0.2, 0.2);
  const vignette = random.uniform(0.15, 0.45);
  const spotX = width * random.uniform(0.35, 0.65);
  const spotY = height * random.uniform(0.35, 0.65);
  const farthest = ((width / 2) ** 2 + (height / 2) ** 2) * 1.2;
  const noise = random.uniform(3, 7);
  const shifts = [
    random.integer(256),
    random.integer(256),
    random.integer(256),
    random.integer(256),
  ] as const;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const across = slopeX * (x - width / 2) + slopeY * (y - height / 2);
      const fall = 1 - (vignette * ((x - spotX) ** 2 + (y - spotY) ** 2)) / farthest;
      const even = (1 + across) * fall;
      const tilt = 1 + (drift * across) / slope;
      for (let c = 0; c < 3; c++) {
        const clean = light[at + c]! * lamp[c]! * even * (c === 0 ? tilt : c === 2 ? 2 - tilt : 1);
        const grain = textures.grain.at(x + shifts[c]!, y + shifts[c + 1]!);
        // Shot noise grows with the root of the light; 180 is where `noise` is its standard deviation.
        const value = clean + noise * Math.sqrt(Math.max(clean, 0) / 180) * grain;
        data[at + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
  return data;
}

function smoothstep(t: number): number {
  const clipped = t < 0 ? 0 : t > 1 ? 1 : t;
  return clipped * clipped * (3 - 2 * clipped);
}

/** Gaussian blur in place, separable; beyond the edge pixels repeat (`clamp`) or start again (`wrap`). */
function blur(
  field: Float32Array,
  width: number,
  height: number,
  channels: number,
  sigma: number,
  edge: 'clamp' | 'wrap',
): void {
  const reach = Math.ceil(3 * sigma);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - reach) / sigma) ** 2),
  );
  const total = kernel.reduce((sum, value) => sum + value, 0);
  const longest = Math.max(width, height);
  const line = new Float32Array(longest + 2 * reach);
  const pass = (lines: number, length: number, lineStep: number, step: number): void => {
    for (let l = 0; l < lines; l++) {
      for (let c = 0; c < channels; c++) {
        const start = l * lineStep + c;
        for (let i = -reach; i < length + reach; i++) {
          const from = edge === 'wrap' ? (i + length) % length : Math.max(0, Math.min(length - 1, i));
          line[i + reach] = field[start + from * step]!;
        }
        for (let i = 0; i < length; i++) {
          let sum = 0;
          for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[i + k]!;
          field[start + i * step] = sum / total;
        }
      }
    }
  };
  pass(height, width, width * channels, channels);
  pass(width, height, channels, width * channels);
}
