/** Draws the image with its layers of labels, prediction and uncertainty. One implementation on WebGL2, one on 2D. */
import type { LabelPlane } from '../../src/labels/drawing.js';
import type { TileAt } from './history.js';
import type { View } from './view.js';

export interface Look {
  /** Of labels, 0 … 1. Predictions are fainter. */
  readonly opacity: number;
  readonly labels: boolean;
  readonly prediction: boolean;
  readonly uncertainty: boolean;
  readonly outlines: boolean;
  /** 256 RGBA: the colours of classes; alpha 0 for hidden ones. */
  readonly palette: Uint8Array<ArrayBuffer>;
}

/** Opacity of predictions in relation to that of labels. */
export const PREDICTION_SHARE = 0.6;

export interface Renderer {
  /** Another image, and its labels. */
  setImage(bitmap: ImageBitmap, labels: LabelPlane): Promise<void>;
  /** Tells that labels have changed within tiles. */
  update(tiles: readonly TileAt[]): void;
  /** Planes of the image's size; undefined for none. */
  setPrediction(classes: Uint8Array | undefined): void;
  setUncertainty(values: Uint8Array | undefined): void;
  /** Draws at once. @param ratio device pixels of a CSS pixel. */
  draw(view: View, look: Look, ratio: number): void;
}

export function createRenderer(canvas: HTMLCanvasElement): Renderer {
  const gl = canvas.getContext('webgl2', { antialias: false, alpha: true, premultipliedAlpha: true });
  return gl ? new GlRenderer(canvas, gl) : new PlainRenderer(canvas);
}

const VERTEX = `#version 300 es
uniform vec4 place;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = corner;
  gl_Position = vec4(place.xy + corner * place.zw, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform sampler2D image;
uniform usampler2D labels, prediction, uncertainty;
uniform sampler2D palette;
uniform vec2 size;
uniform float opacity, predicted, pixel;
uniform bvec4 shown;
in vec2 at;
out vec4 colour;
vec4 colourOf(uint value) { return texelFetch(palette, ivec2(int(value), 0), 0); }
bool edge(usampler2D plane, ivec2 p, uint value) {
  int step = max(1, int(pixel));
  ivec2 last = ivec2(size) - 1;
  return texelFetch(plane, min(p + ivec2(step, 0), last), 0).r != value ||
    texelFetch(plane, min(p + ivec2(0, step), last), 0).r != value ||
    texelFetch(plane, max(p - ivec2(step, 0), ivec2(0)), 0).r != value ||
    texelFetch(plane, max(p - ivec2(0, step), ivec2(0)), 0).r != value;
}
void main() {
  ivec2 p = min(ivec2(at * size), ivec2(size) - 1);
  vec3 rgb = texture(image, at).rgb;
  uint label = texelFetch(labels, p, 0).r;
  bool labelled = shown.x && label != 255u;
  if (shown.y && !labelled) {
    uint value = texelFetch(prediction, p, 0).r;
    vec4 own = colourOf(value);
    float share = shown.w && edge(prediction, p, value) ? 0.9 : predicted;
    rgb = mix(rgb, own.rgb, own.a * share);
  }
  if (labelled) {
    vec4 own = colourOf(label);
    float share = shown.w && edge(labels, p, label) ? 1.0 : opacity;
    rgb = mix(rgb, own.rgb, own.a * share);
  }
  if (shown.z) {
    float u = float(texelFetch(uncertainty, p, 0).r) / 255.0;
    rgb = mix(rgb, vec3(1.0, 0.1, 0.6), 0.75 * smoothstep(0.15, 0.9, u));
  }
  colour = vec4(rgb, 1.0);
}`;

/** Rows of the image that are uploaded at once, so that no upload holds up the pointer. */
const STRIP = 256;

class GlRenderer implements Renderer {
  private readonly program: WebGLProgram;
  private readonly textures = new Map<string, WebGLTexture>();
  private plane: LabelPlane | undefined;
  private has = { prediction: false, uncertainty: false };
  private paletteShown: Uint8Array | undefined;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
  ) {
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ] as const) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS))
        throw new Error(gl.getShaderInfoLog(shader) ?? '');
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    this.program = program;
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    ['image', 'labels', 'prediction', 'uncertainty', 'palette'].forEach((name, unit) => {
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
      const texture = gl.createTexture();
      this.textures.set(name, texture);
      this.bind(name);
      const filter = name === 'image' ? gl.LINEAR : gl.NEAREST;
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      if (name !== 'image' && name !== 'palette') this.allocate(name, 1, 1);
    });
  }

  async setImage(bitmap: ImageBitmap, labels: LabelPlane): Promise<void> {
    const { gl } = this;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    if (Math.max(labels.width, labels.height) > most) {
      throw new Error(
        `This browser shows images up to ${most} pixels wide and high. Cut the image into tiles.`,
      );
    }
    this.plane = labels;
    this.has = { prediction: false, uncertainty: false };
    for (const name of ['labels', 'prediction', 'uncertainty']) {
      this.allocate(name, name === 'labels' ? labels.width : 1, name === 'labels' ? labels.height : 1);
    }
    this.bind('image');
    gl.texImage2D(
      gl.TEXTURE_2D,
      0,
      gl.RGBA8,
      bitmap.width,
      bitmap.height,
      0,
      gl.RGBA,
      gl.UNSIGNED_BYTE,
      null,
    );
    for (let top = 0; top < bitmap.height; top += STRIP) {
      const rows = Math.min(STRIP, bitmap.height - top);
      const strip = await createImageBitmap(bitmap, 0, top, bitmap.width, rows);
      this.bind('image');
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, top, gl.RGBA, gl.UNSIGNED_BYTE, strip);
      this.upload('labels', labels.data, { x: 0, y: top, width: labels.width, height: rows });
      strip.close();
    }
  }

  update(tiles: readonly TileAt[]): void {
    for (const tile of tiles) this.upload('labels', this.plane!.data, tile);
  }

  setPrediction(classes: Uint8Array | undefined): void {
    this.has.prediction = this.setPlane('prediction', classes);
  }

  setUncertainty(values: Uint8Array | undefined): void {
    this.has.uncertainty = this.setPlane('uncertainty', values);
  }

  draw(view: View, look: Look, ratio: number): void {
    const { gl, canvas, program, plane } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!plane) return;
    if (this.paletteShown !== look.palette) {
      this.bind('palette');
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, look.palette);
      this.paletteShown = look.palette;
    }
    const place = (name: string) => gl.getUniformLocation(program, name);
    const [width, height] = [canvas.width / ratio, canvas.height / ratio];
    const [w, h] = [plane.width * view.scale, plane.height * view.scale];
    // Rows of textures go down, those of the canvas up.
    gl.uniform4f(
      place('place'),
      (2 * view.x) / width - 1,
      1 - (2 * view.y) / height,
      (2 * w) / width,
      (-2 * h) / height,
    );
    gl.uniform2f(place('size'), plane.width, plane.height);
    gl.uniform1f(place('opacity'), look.opacity);
    gl.uniform1f(place('predicted'), look.opacity * PREDICTION_SHARE);
    gl.uniform1f(place('pixel'), 1 / (view.scale * ratio));
    gl.uniform4i(
      place('shown'),
      Number(look.labels),
      Number(look.prediction && this.has.prediction),
      Number(look.uncertainty && this.has.uncertainty),
      Number(look.outlines),
    );
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private setPlane(name: string, data: Uint8Array | undefined): boolean {
    const { plane } = this;
    if (!data || !plane) return false;
    this.allocate(name, plane.width, plane.height);
    this.upload(name, data, { x: 0, y: 0, width: plane.width, height: plane.height });
    return true;
  }

  private allocate(name: string, width: number, height: number): void {
    const { gl } = this;
    this.bind(name);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, width, height, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, null);
  }

  private upload(name: string, data: Uint8Array, { x, y, width, height }: TileAt): void {
    const { gl } = this;
    const row = this.plane!.width;
    this.bind(name);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, row);
    const from = y * row + x;
    const to = from + (height - 1) * row + width;
    gl.texSubImage2D(
      gl.TEXTURE_2D,
      0,
      x,
      y,
      width,
      height,
      gl.RED_INTEGER,
      gl.UNSIGNED_BYTE,
      data.subarray(from, to),
    );
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
  }

  private bind(name: string): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + [...this.textures.keys()].indexOf(name));
    gl.bindTexture(gl.TEXTURE_2D, this.textures.get(name)!);
  }
}

/** Where there is no WebGL2: the layers are mixed for the pixels of the canvas. Outlines are left out. */
class PlainRenderer implements Renderer {
  private readonly context: CanvasRenderingContext2D;
  private bitmap: ImageBitmap | undefined;
  private plane: LabelPlane | undefined;
  private prediction: Uint8Array | undefined;
  private uncertainty: Uint8Array | undefined;
  private layer = new OffscreenCanvas(1, 1);

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext('2d')!;
  }

  setImage(bitmap: ImageBitmap, labels: LabelPlane): Promise<void> {
    this.bitmap?.close();
    Object.assign(this, { bitmap, plane: labels, prediction: undefined, uncertainty: undefined });
    return Promise.resolve();
  }

  update(): void {
    // The plane itself is read.
  }

  setPrediction(classes: Uint8Array | undefined): void {
    this.prediction = classes;
  }

  setUncertainty(values: Uint8Array | undefined): void {
    this.uncertainty = values;
  }

  draw(view: View, look: Look, ratio: number): void {
    const { context, canvas, bitmap, plane } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!bitmap || !plane) return;
    context.imageSmoothingEnabled = view.scale < 1;
    const scale = view.scale * ratio;
    context.setTransform(scale, 0, 0, scale, view.x * ratio, view.y * ratio);
    context.drawImage(bitmap, 0, 0);
    const mixed = new ImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(mixed.data.buffer);
    const colours = new Uint32Array(look.palette.buffer);
    const alpha = (share: number) => Math.round(255 * share) << 24;
    const [own, predicted] = [alpha(look.opacity), alpha(look.opacity * PREDICTION_SHARE)];
    for (let y = 0, i = 0; y < canvas.height; y++) {
      const row = Math.floor((y - view.y * ratio) / scale);
      for (let x = 0; x < canvas.width; x++, i++) {
        const column = Math.floor((x - view.x * ratio) / scale);
        if (row < 0 || column < 0 || row >= plane.height || column >= plane.width) continue;
        const at = row * plane.width + column;
        const label = plane.data[at]!;
        if (look.uncertainty && this.uncertainty) pixels[i] = (this.uncertainty[at]! << 24) | 0x991aff;
        else if (look.labels && label !== 255)
          pixels[i] = colours[label]! >>> 24 && (colours[label]! & 0xffffff) | own;
        else if (look.prediction && this.prediction) {
          const colour = colours[this.prediction[at]!]!;
          pixels[i] = colour >>> 24 && (colour & 0xffffff) | predicted;
        }
      }
    }
    if (this.layer.width !== canvas.width || this.layer.height !== canvas.height) {
      this.layer = new OffscreenCanvas(canvas.width, canvas.height);
    }
    this.layer.getContext('2d')!.putImageData(mixed, 0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.layer, 0, 0);
  }
}
