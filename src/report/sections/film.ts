/** The film: predictions for the same samples after every epoch. */
import { count, figure } from '../numbers.js';
import { html } from '../page/html.js';
import { dataBlock, type Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { overlay } from './overlay.js';
import { PART_NAMES } from './part-names.js';

/** @param animation path of the animated file relative to the report, if there is one. */
export function filmSection({ film }: Run, animation: string | undefined): Section | undefined {
  const last = film?.frames.at(-1);
  if (!film || !last || film.samples.length === 0) return undefined;
  const frames = film.frames.map(({ epoch, masks, meanIoU }) => ({
    masks,
    text: `Epoch ${epoch}${typeof meanIoU === 'number' ? `, mean IoU ${figure(meanIoU)}` : ''}`,
  }));
  const thinned =
    frames.length < film.epochs &&
    ` The slider shows ${count(frames.length)} of the ${count(film.epochs)} epochs to keep this file small.`;
  const where = PART_NAMES[film.part]?.toLowerCase() ?? film.part;
  return {
    id: 'film',
    title: 'Film',
    body: html`<p>
        Predictions for the same ${count(film.samples.length)} ${where} images after each
        epoch.${thinned}${
          animation !== undefined &&
          html` Animated picture: <a href="${animation}">${animation}</a>, in the run folder.`
        }
      </p>
      <div class="film">
        <div class="controls">
          <button type="button">Play</button>
          <input
            type="range"
            min="0"
            max="${frames.length - 1}"
            step="1"
            value="${frames.length - 1}"
            aria-label="Epoch"
            aria-valuetext="${frames.at(-1)!.text}"
          />
          <output aria-live="polite">${frames.at(-1)!.text}</output>
          <fieldset>
            <legend class="hidden">Layer</legend>
            <label><input type="radio" name="look" value="prediction" checked />Prediction</label>
            <label><input type="radio" name="look" value="truth" />Truth</label>
            <label><input type="radio" name="look" value="image" />Image</label>
          </fieldset>
        </div>
        <div class="tiles">
          ${film.samples.map(
            ({ id, width, height, image }, index) =>
              html`<figure class="tile">
                ${overlay({ width, height, photo: image, mask: last.masks[index], label: `Mask of ${id}` })}
                <figcaption class="id">${id}</figcaption>
              </figure>`,
          )}
        </div>
        ${dataBlock('film-data', { truths: film.samples.map(({ truth }) => truth), frames })}
      </div>`,
  };
}
