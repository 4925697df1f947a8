/** The colours of the classes, the same as in the masks. */
import { hexColour, maskLook } from '../../images/palette.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import type { Run } from '../read-run.js';

/** The colour of each class of a run, as `#rrggbb`. */
export function coloursOf({ config }: Pick<Run, 'config'>): string[] {
  return maskLook(config).ofClasses.map(hexColour);
}

/** A small coloured square before a name. */
export function swatch(colour: string): Html {
  return html`<span class="swatch" style="--swatch: ${colour}"></span>`;
}

/** Names of colours, as a list. */
export function legend(entries: readonly { readonly colour: string; readonly name: string }[]): Html {
  return html`<ul class="legend">
    ${entries.map(({ colour, name }) => html`<li>${swatch(colour)}${name}</li>`)}
  </ul>`;
}
