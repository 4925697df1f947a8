/** The data: its parts, classes and samples, and the problems that the data check found. */
import { count, counted, percent } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { DataSheet, Tile } from '../pictures.js';
import type { Run } from '../read-run.js';
import { coloursOf, swatch } from './class-colours.js';
import { panel, PANEL_HINT } from './panel.js';
import { pairs } from './settings.js';

const SIZES = 8;
const PROBLEMS = 30;

export function dataSection(run: Run): Section {
  const { data, config } = run;
  const { train, valid, test } = config.data;
  return {
    id: 'data',
    title: 'Data',
    body: html`<div class="columns">
        <div>
          ${pairs([
            [config.data.path === config.data.format ? 'Object' : 'Folder', config.data.path],
            ['Layout', config.data.format],
            ['Training', counted(train, 'image')],
            ['Validation', valid > 0 ? counted(valid, 'image') : 'none'],
            ['Test', test > 0 ? counted(test, 'image') : 'none'],
            ...(data && data.counts.unlabelled > 0
              ? [['Without a mask', counted(data.counts.unlabelled, 'image')] as const]
              : []),
            ['Channels', count(config.channels)],
            ...(data && data.sizes.length > 0 ? [['Sizes', sizesOf(data)] as const] : []),
            ...(data ? [['Looked at', lookedAt(data, train + valid + test)] as const] : []),
            ['Augmentation', config.training.augment],
          ])}
        </div>
        ${data && data.classes.length > 0 && html`<div>${classShares(run, data)}</div>`}
      </div>
      ${data && problemList(data)}
      ${data?.tiles && tilesOf('Samples with masks', data.tiles.samples, PANEL_HINT)}
      ${data?.tiles && tilesOf('Augmented, as in training', data.tiles.augmented)}
      ${data?.sheets.samples && sheet('Samples with masks', data.sheets.samples)}
      ${data?.sheets.augmented && sheet('Augmented, as in training', data.sheets.augmented)}`,
  };
}

/** The number of images that sizes and class shares were computed on. */
function lookedAt({ sizes }: DataSheet, all: number): string {
  const seen = sizes.reduce((sum, { count: images }) => sum + images, 0);
  return seen < all ? `${count(seen)} of ${count(all)} images for sizes and class shares` : 'all images';
}

function sizesOf({ sizes }: DataSheet): string {
  const ranked = [...sizes].sort((a, b) => b.count - a.count);
  const shown = ranked
    .slice(0, SIZES)
    .map(({ width, height, count: images }) => `${width}×${height} (${count(images)})`);
  const left = ranked.length - shown.length;
  return `${shown.join(', ')}${left > 0 ? ` and ${counted(left, 'other')}` : ''}`;
}

function classShares(run: Run, { classes }: DataSheet): Html {
  const all = classes.reduce((sum, { pixels }) => sum + pixels, 0);
  const colours = coloursOf(run);
  return scrolling(
    'Class shares',
    html`<table class="wide">
      <caption class="hidden">
        Shares of the classes
      </caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          <th scope="col">Share of pixels</th>
          <th scope="col">In images</th>
        </tr>
      </thead>
      <tbody>
        ${classes.map(({ name, pixels, images }, index) => {
          const share = all > 0 ? pixels / all : 0;
          return html`<tr>
            <th scope="row" class="name">${swatch(colours[index] ?? '#808080')}${name}</th>
            <td><span class="meter" style="--share: ${share.toFixed(4)}"></span>${percent(share)}</td>
            <td>${count(images)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`,
  );
}

function problemList({ problems }: DataSheet): Html | undefined {
  if (problems.length === 0) return undefined;
  const ranked = [
    ...problems.filter(({ level }) => level === 'error'),
    ...problems.filter(({ level }) => level === 'warning'),
  ];
  const left = ranked.length - PROBLEMS;
  return html`<h3>Problems found by the data check</h3>
    <ul class="problems">
      ${ranked.slice(0, PROBLEMS).map(
        ({ level, file, message, fix }) =>
          html`<li>
            ${level === 'error' && html`<strong>Error. </strong>`}${file !== '' && html`<span class="id">${file}</span>: `}${message}
            <span class="aside">${fix}</span>
          </li>`,
      )}
    </ul>
    ${left > 0 && html`<p class="aside">And ${count(left)} more. Run <code>pixelwise doctor</code> for the full list.</p>`}`;
}

/** Pictures with their masks, the mask a layer that can be hidden. */
function tilesOf(title: string, tiles: readonly Tile[], hint?: Html): Html | undefined {
  if (tiles.length === 0) return undefined;
  return html`<h3>${title}</h3>
    ${hint && html`<p class="aside">${hint}</p>`}
    <div class="tiles">
      ${tiles.map(
        ({ id, width, height, image, mask }) =>
          html`<figure class="tile">
            ${panel({ layer: 'Mask', layers: { width, height, photo: image, mask, label: `Mask of ${id}` } })}
            <figcaption class="id">${id}</figcaption>
          </figure>`,
      )}
    </div>`;
}

function sheet(title: string, picture: string): Html {
  return html`<h3>${title}</h3>
    <img class="sheet" src="${picture}" alt="${title}: contact sheet" />`;
}
