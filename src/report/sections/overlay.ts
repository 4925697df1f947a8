/** A picture with a mask laid over it, as layers that the page can show and hide. */
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';

export interface Layers {
  readonly width: number;
  readonly height: number;
  /** An address of the picture, or the anchor of one that stands in the page already: `#photo-3`. */
  readonly photo: string;
  /** The name of the picture, for others to show it again. */
  readonly name?: string;
  readonly mask?: string | undefined;
  readonly maskName?: string;
  /** What there is to see, for those who cannot see it. */
  readonly label: string;
}

/** Layers in one drawing: registered to the pixel at any size, and each file is in the page once. */
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
