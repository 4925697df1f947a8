/**
 * Draws the stage with WebGL2, in three passes over the part that changed. The first pass draws the image. The second
 * draws the layers into an offscreen texture with a texel for each pixel of the canvas: label in red, prediction in
 * green, uncertainty in blue. The third colours this texture with the palette and blends it over the image, with an edge
 * where neighbouring texels differ. Layers are stored as tiles of 256² texels, downsampled to the current scale, so the
 * number of tiles depends on the size of the stage, not of the image.
 */
import type { ImageTile } from './image-tiles.js';
import { type Box, type LabelPlane, TILE, union } from './label-plane.js';
import * as rules from './look.js';
import type { Plane } from './rasters.js';
import { IMAGE_TILE } from './rasters.js';
import { canvasPart, levelOf, type Renderer, type Scene } from './renderer.js';

const UNLABELLED = 255;

/** A rectangle in canvas pixels with a texture on it. */
const QUAD = `#version 300 es
uniform vec4 place; // left, top, width, height in canvas pixels
uniform vec2 canvas;
uniform vec2 part; // the part of the texture that is used
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = corner * part;
  vec2 clip = (place.xy + corner * place.zw) / canvas * 2.0 - 1.0;
  gl_Position = vec4(clip.x, -clip.y, 0, 1);
}`;

const PICTURE = `#version 300 es
precision highp float;
uniform sampler2D source;
in vec2 at;
out vec4 colour;
void main() { colour = vec4(texture(source, at).rgb, 1); }`;

const LAYER = `#version 300 es
precision highp float;
uniform sampler2D source;
in vec2 at;
out vec4 value;
void main() { value = vec4(texture(source, at).r); }`;

const shade = (value: number) => value.toFixed(4);

const COLOUR = `#version 300 es
precision highp float;
uniform sampler2D layers;
uniform sampler2D palette;
uniform bvec3 shown; // labels, prediction, uncertainty
uniform bool outlines;
uniform float opacity;
out vec4 colour;
int code(ivec2 p) {
  // 256 and above: a label. Below: a prediction, or 255 for neither.
  ivec2 size = textureSize(layers, 0);
  vec4 found = texelFetch(layers, clamp(p, ivec2(0), size - 1), 0);
  int label = int(found.r * 255.0 + 0.5);
  int predicted = int(found.g * 255.0 + 0.5);
  if (shown.x && label != ${UNLABELLED} && texelFetch(palette, ivec2(label, 0), 0).a > 0.25) return 256 + label;
  if (shown.y && predicted != ${UNLABELLED} && texelFetch(palette, ivec2(predicted, 0), 0).a > 0.25) return predicted;
  return ${UNLABELLED};
}
void main() {
  ivec2 p = ivec2(gl_FragCoord.xy);
  int here = code(p);
  bool edge = here != code(p + ivec2(1, 0)) || here != code(p - ivec2(1, 0))
    || here != code(p + ivec2(0, 1)) || here != code(p - ivec2(0, 1));
  vec4 over = vec4(0);
  if (here != ${UNLABELLED}) {
    bool labelled = here >= 256;
    vec4 own = texelFetch(palette, ivec2(here & 255, 0), 0);
    bool tinted = !outlines && (labelled || own.a > 0.75);
    float inside = tinted ? opacity * (labelled ? 1.0 : ${shade(rules.PREDICTION_FAINTNESS)}) : 0.0;
    float alpha = edge ? max(inside, labelled ? ${shade(rules.LABEL_EDGE)} : ${shade(rules.PREDICTION_EDGE)}) : inside;
    over = vec4(own.rgb * alpha, alpha);
  }
  if (shown.z && here < 256) {
    float alpha = texelFetch(layers, p, 0).b * ${shade(rules.UNCERTAIN_OPACITY)};
    over = vec4(vec3(${rules.UNCERTAIN.map((v) => shade(v / 255)).join(', ')}) * alpha, alpha) + over * (1.0 - alpha);
  }
  colour = over;
}`;

type LayerName = 'labels' | 'prediction' | 'uncertainty';
const LAYERS: readonly LayerName[] = ['labels', 'prediction', 'uncertainty'];

interface LayerTile {
  readonly texture: WebGLTexture;
  readonly level: number;
  readonly column: number;
  readonly row: number;
  /** Part of the image that changed since the texture was filled. */
  dirty: Box | undefined;
}

/** At most this many textures of layers are kept, 64 KB each. */
const MAX_TILES = 1024;
/** Milliseconds per frame for filling textures of prediction and uncertainty. */
const FILL_TIME = 5;
/** At most this many image tiles are uploaded per frame. */
const MAX_UPLOADS = 2;

export class WebGlRenderer implements Renderer {
  readonly kind = 'webgl2';
  readonly mostDensity = 2;
  private readonly tiles = new Map<string, LayerTile>();
  private readonly scratch = new Uint8Array(TILE * TILE);
  private programs!: Record<'picture' | 'layer' | 'colour', Program>;
  private palette!: WebGLTexture;
  private layers!: WebGLTexture;
  private target!: WebGLFramebuffer;
  private size = { width: 0, height: 0 };
  private shownPalette: Uint8Array | undefined;

  private constructor(
    private readonly gl: WebGL2RenderingContext,
    onRestored: () => void,
  ) {
    this.create();
    const { canvas } = gl;
    canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    canvas.addEventListener('webglcontextrestored', () => {
      this.tiles.clear();
      this.create();
      onRestored();
    });
  }

  /**
   * Undefined where the browser has no WebGL2.
   *
   * @param slow whether one without a graphics card will do. @param onRestored called when everything must be drawn
   *   again.
   */
  static on(canvas: HTMLCanvasElement, slow: boolean, onRestored: () => void): WebGlRenderer | undefined {
    if (!slow && isSoftware()) return undefined;
    // Only the part that changed is drawn; the rest of the canvas must be preserved.
    const gl = canvas.getContext('webgl2', {
      preserveDrawingBuffer: true,
      antialias: false,
      depth: false,
      powerPreference: 'high-performance',
    });
    return gl ? new WebGlRenderer(gl, onRestored) : undefined;
  }

  private create(): void {
    const { gl } = this;
    this.programs = {
      picture: new Program(gl, QUAD, PICTURE),
      layer: new Program(gl, QUAD, LAYER),
      colour: new Program(gl, QUAD, COLOUR),
    };
    this.palette = this.texture(gl.NEAREST);
    this.layers = this.texture(gl.NEAREST);
    this.target = gl.createFramebuffer();
    this.size = { width: 0, height: 0 };
    this.shownPalette = undefined;
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  private texture(filter: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  labelsChanged(box: Box): void {
    for (const [key, tile] of this.tiles) if (key.startsWith('labels')) markDirty(tile, box);
  }

  planesChanged(): void {
    for (const [key, tile] of this.tiles) {
      if (!key.startsWith('labels')) markDirty(tile, EVERYWHERE);
    }
  }

  reset(): void {
    for (const { texture } of this.tiles.values()) this.gl.deleteTexture(texture);
    this.tiles.clear();
  }

  dropTexture(tile: ImageTile): void {
    if (tile.texture) this.gl.deleteTexture(tile.texture);
  }

  draw(scene: Scene, damage: Box | undefined): boolean {
    const { gl } = this;
    const part = canvasPart(scene, damage);
    if (part.right <= part.left || part.bottom <= part.top || gl.isContextLost()) return false;
    this.resize(scene);
    this.setPalette(scene.look.palette);
    gl.enable(gl.SCISSOR_TEST);
    const { width, height } = this.size;
    gl.viewport(0, 0, width, height);
    gl.scissor(part.left, height - part.bottom, part.right - part.left, part.bottom - part.top);
    const missingImage = this.drawImage(scene, part);
    const missingLayers = this.drawLayers(scene, part);
    this.drawColours(scene);
    return missingImage || missingLayers;
  }

  private resize({ stage, density }: Scene): void {
    const { gl } = this;
    const width = Math.round(stage.width * density);
    const height = Math.round(stage.height * density);
    if (width === this.size.width && height === this.size.height) return;
    this.size = { width, height };
    gl.bindTexture(gl.TEXTURE_2D, this.layers);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.layers, 0);
  }

  private setPalette(palette: Uint8Array): void {
    if (palette === this.shownPalette) return;
    this.shownPalette = palette;
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
  }

  private drawImage(scene: Scene, part: Box): boolean {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.BLEND);
    gl.colorMask(true, true, true, true);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const { view, density, image } = scene;
    const scale = view.scale * density;
    const seen = imagePart(scene, part);
    const program = this.programs.picture.use(this.size);
    let missing = false;
    let uploads = 0;
    for (const tile of image.visible(levelOf(scale), seen.left, seen.top, seen.right, seen.bottom)) {
      if (!tile.texture) {
        if (uploads >= MAX_UPLOADS) {
          missing = true;
          continue;
        }
        uploads++;
        tile.texture = this.texture(gl.LINEAR);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, tile.bitmap);
      }
      gl.bindTexture(gl.TEXTURE_2D, tile.texture);
      // Pixels stay sharp when they are enlarged.
      const filter = scale >= 2 && tile.level === 0 ? gl.NEAREST : gl.LINEAR;
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
      const step = 2 ** tile.level;
      const left = tile.column * IMAGE_TILE * step;
      const top = tile.row * IMAGE_TILE * step;
      const right = Math.min(image.width, left + tile.bitmap.width * step);
      const bottom = Math.min(image.height, top + tile.bitmap.height * step);
      program.place(
        (left - view.x) * scale,
        (top - view.y) * scale,
        (right - left) * scale,
        (bottom - top) * scale,
      );
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
    return missing;
  }

  private drawLayers(scene: Scene, part: Box): boolean {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.colorMask(true, true, true, true);
    gl.clearColor(1, 1, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const { view, density, labels, look } = scene;
    const scale = view.scale * density;
    const level = levelOf(scale);
    const side = TILE * 2 ** level;
    const seen = imagePart(scene, part);
    const columns = Math.ceil(labels.width / side);
    const rows = Math.ceil(labels.height / side);
    const program = this.programs.layer.use(this.size);
    const stop = performance.now() + FILL_TIME;
    let missing = false;
    for (const name of LAYERS) {
      const source = scene[name];
      if (!source || !look[name]) continue;
      gl.colorMask(name === 'labels', name === 'prediction', name === 'uncertainty', false);
      for (
        let row = Math.max(0, Math.floor(seen.top / side));
        row < Math.min(rows, seen.bottom / side);
        row++
      ) {
        for (
          let column = Math.max(0, Math.floor(seen.left / side));
          column < Math.min(columns, seen.right / side);
          column++
        ) {
          const late = name !== 'labels' && performance.now() > stop;
          const tile = this.layerTile(name, source, level, column, row, late);
          if (late && (!tile || tile.dirty)) missing = true;
          if (!tile) continue;
          gl.bindTexture(gl.TEXTURE_2D, tile.texture);
          const right = Math.min(labels.width, (column + 1) * side);
          const bottom = Math.min(labels.height, (row + 1) * side);
          const [x, y] = [column * side, row * side];
          program.place(
            (x - view.x) * scale,
            (y - view.y) * scale,
            (right - x) * scale,
            (bottom - y) * scale,
            (right - x) / side,
            (bottom - y) / side,
          );
          gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
        }
      }
    }
    gl.colorMask(true, true, true, true);
    this.dropOldest();
    return missing;
  }

  /**
   * The texture of a tile of a layer. If it is `late` in the frame, the texture may be out of date. Undefined if the
   * layer is empty there, or if it is late and the tile has no texture yet.
   */
  private layerTile(
    name: LayerName,
    source: LabelPlane | Plane,
    level: number,
    column: number,
    row: number,
    late: boolean,
  ): LayerTile | undefined {
    const { gl } = this;
    const key = `${name}/${level}/${column}/${row}`;
    let tile = this.tiles.get(key);
    if (tile) {
      this.tiles.delete(key);
      this.tiles.set(key, tile);
      if (!tile.dirty || late) return tile;
    } else {
      if (late || ('tile' in source && isEmpty(source, level, column, row))) return undefined;
      tile = { texture: this.texture(gl.NEAREST), level, column, row, dirty: EVERYWHERE };
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R8, TILE, TILE);
      this.tiles.set(key, tile);
    }
    const step = 2 ** level;
    const first = (at: number, start: number) => Math.max(0, Math.floor((at - start * step) / step));
    const last = (at: number, start: number) => Math.min(TILE, Math.ceil((at - start * step) / step));
    const top = first(tile.dirty!.top, row * TILE);
    const bottom = last(tile.dirty!.bottom, row * TILE);
    tile.dirty = undefined;
    if (bottom <= top) return tile;
    gl.bindTexture(gl.TEXTURE_2D, tile.texture);
    let bytes: Uint8Array = this.scratch;
    if (!('tile' in source)) samplePlane(source, level, column, row, top, bottom, bytes);
    else if (level === 0) bytes = source.tile(column, row)!;
    else sampleLabels(source, level, column, row, top, bottom, bytes);
    const rows = bytes.subarray(top * TILE, bottom * TILE);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, top, TILE, bottom - top, gl.RED, gl.UNSIGNED_BYTE, rows);
    return tile;
  }

  private dropOldest(): void {
    for (const [key, { texture }] of this.tiles) {
      if (this.tiles.size <= MAX_TILES) return;
      this.gl.deleteTexture(texture);
      this.tiles.delete(key);
    }
  }

  private drawColours({ look }: Scene): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const program = this.programs.colour.use(this.size);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.layers);
    gl.uniform1i(program.uniform('layers'), 0);
    gl.uniform1i(program.uniform('palette'), 1);
    gl.uniform3i(program.uniform('shown'), +look.labels, +look.prediction, +look.uncertainty);
    gl.uniform1i(program.uniform('outlines'), +look.outlines);
    gl.uniform1f(program.uniform('opacity'), look.opacity);
    program.place(0, 0, this.size.width, this.size.height);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.bindTexture(gl.TEXTURE_2D, null);
  }
}

/** Whether WebGL computes pixels on the processor: SwiftShader of Chromium, llvmpipe of Mesa, WARP of Windows. */
function isSoftware(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2');
  const info = gl?.getExtension('WEBGL_debug_renderer_info');
  const name = gl && String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl?.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|softpipe|basic render/i.test(name ?? '');
}

const EVERYWHERE: Box = { left: 0, top: 0, right: 2 ** 30, bottom: 2 ** 30 };

function markDirty(tile: LayerTile, box: Box): void {
  const side = TILE * 2 ** tile.level;
  const left = tile.column * side;
  const top = tile.row * side;
  if (box.right <= left || box.left >= left + side || box.bottom <= top || box.top >= top + side) return;
  tile.dirty = tile.dirty ? union(tile.dirty, box) : box;
}

/** The part of the image that a part of the canvas shows. */
function imagePart({ view, density }: Scene, part: Box): Box {
  const scale = view.scale * density;
  return {
    left: view.x + part.left / scale,
    top: view.y + part.top / scale,
    right: view.x + part.right / scale,
    bottom: view.y + part.bottom / scale,
  };
}

function isEmpty(labels: LabelPlane, level: number, column: number, row: number): boolean {
  const across = 2 ** level;
  for (let r = row * across; r < Math.min(labels.rows, (row + 1) * across); r++) {
    for (let c = column * across; c < Math.min(labels.columns, (column + 1) * across); c++) {
      if (labels.tile(c, r)) return false;
    }
  }
  return true;
}

/** Writes rows of a tile of the plane downsampled by 2^level. Each texel is the middle pixel of its block. */
function samplePlane(
  { width, height, data }: Plane,
  level: number,
  column: number,
  row: number,
  from: number,
  to: number,
  out: Uint8Array,
): void {
  const half = (1 << level) >> 1;
  const left = (column * TILE) << level;
  const across = Math.min(TILE, Math.ceil((width - left) / (1 << level)));
  for (let j = from; j < to; j++) {
    const y = ((row * TILE + j) << level) + half;
    const at = Math.min(height - 1, y) * width;
    for (let i = 0; i < across; i++) {
      out[j * TILE + i] = data[at + Math.min(width - 1, left + (i << level) + half)]!;
    }
  }
}

/** As `samplePlane`, but each texel is the first label among four pixels of its block, so that thin strokes remain. */
function sampleLabels(
  labels: LabelPlane,
  level: number,
  column: number,
  row: number,
  from: number,
  to: number,
  out: Uint8Array,
): void {
  const quarter = (1 << level) >> 2;
  const other = (1 << level) >> 1;
  const block = TILE >> level;
  for (let j = from; j < to; j++) {
    const y = ((row * TILE + j) << level) + quarter;
    const tileRow = y >> 8;
    const upper = (y & 255) << 8;
    const lower = ((y & 255) + other) << 8;
    for (let i = 0; i < TILE;) {
      const tileColumn = ((column * TILE + i) << level) >> 8;
      const tile =
        tileRow < labels.rows && tileColumn < labels.columns ? labels.tile(tileColumn, tileRow) : undefined;
      const stop = i + block;
      if (!tile) {
        out.fill(UNLABELLED, j * TILE + i, j * TILE + stop);
        i = stop;
        continue;
      }
      for (let x = quarter; i < stop; i++, x += 1 << level) {
        let label = tile[upper | x]!;
        if (label === UNLABELLED) label = tile[upper | (x + other)]!;
        if (label === UNLABELLED) label = tile[lower | x]!;
        if (label === UNLABELLED) label = tile[lower | (x + other)]!;
        out[j * TILE + i] = label;
      }
    }
  }
}

class Program {
  private readonly program: WebGLProgram;
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();

  constructor(
    private readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
        throw new Error(gl.getShaderInfoLog(shader) ?? 'A shader does not compile.');
      }
    }
    gl.linkProgram(this.program);
  }

  uniform(name: string): WebGLUniformLocation | null {
    let found = this.uniforms.get(name);
    if (found === undefined) {
      found = this.gl.getUniformLocation(this.program, name);
      this.uniforms.set(name, found);
    }
    return found;
  }

  use({ width, height }: { width: number; height: number }): this {
    this.gl.useProgram(this.program);
    this.gl.uniform2f(this.uniform('canvas'), width, height);
    return this;
  }

  /** Sets the next rectangle, in canvas pixels, and the part of its texture that it shows, 0 … 1 across and down. */
  place(x: number, y: number, width: number, height: number, across = 1, down = 1): void {
    this.gl.uniform4f(this.uniform('place'), x, y, width, height);
    this.gl.uniform2f(this.uniform('part'), across, down);
  }
}
