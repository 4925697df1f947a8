/** A picture with its mask, as layers that the page can show and hide. */
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';

export interface Layers {
  readonly width: number;
  readonly height: number;
  /** URL of the picture, or the anchor of one that is already in the page: `#photo-3`. */
  readonly photo: string;
  /** An id for the picture, so that others can reuse it. */
  readonly name?: string;
  readonly mask?: string | undefined;
  readonly maskName?: string;
  /** The text alternative. */
  readonly label: string;
}

/** Layers in one SVG: aligned at any size, and each file is embedded once. */
export function overlay({ width, height, photo, name, mask, maskName, label }: Layers): Html {
  const size = html`width="${width}" height="${height}"`;
  return html`<svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}">
    ${
      photo.startsWith('#')
        ? html`<use href="${photo}" />`
        : html`<image${name !== undefined && html` id="${name}"`} href="${photo}" ${size} />`
    }${
      mask?.startsWith('#')
        ? html`<use class="mask" href="${mask}" />`
        : mask !== undefined &&
          html`<image
            class="mask"
            ${maskName !== undefined && html` id="${maskName}"`}
            href="${mask}"
            ${size}
          />`
    }
  </svg>`;
}
