/** The table of classes: colours, shares and areas, and check boxes that show or hide them. */
import { elements } from './elements.js';
import { percent } from './percent.js';

export interface Legend {
  /** By class: whether it is hidden. */
  hidden(): boolean[];
  /** Shows each class's share of the image and its pixels; undefined clears them. */
  shares(counts: readonly number[] | undefined): void;
}

/** @param background the class that is hidden at first; null for none. */
export function createLegend(
  names: readonly string[],
  palette: readonly (readonly number[])[],
  background: number | null,
  onChange: () => void,
): Legend {
  const rows = names.map((name, index) => {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = index !== background;
    box.addEventListener('change', onChange);
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.background = `rgb(${palette[index]!.join(' ')})`;
    const title = document.createElement('span');
    title.className = 'name';
    title.textContent = name;
    title.title = name;
    const label = document.createElement('label');
    label.append(box, swatch, title);
    const row = elements.classes.insertRow();
    const head = document.createElement('th');
    head.scope = 'row';
    head.append(label);
    row.append(head);
    const [share, area] = ['share', 'area'].map((className) =>
      Object.assign(row.insertCell(), { className }),
    );
    return { box, share: share!, area: area! };
  });
  return {
    hidden: () => rows.map(({ box }) => !box.checked),
    shares(counts) {
      const all = counts?.reduce((sum, count) => sum + count, 0) ?? 0;
      rows.forEach(({ share, area }, index) => {
        share.textContent = counts ? percent(counts[index]! / all) : '';
        area.textContent = counts ? counts[index]!.toLocaleString('en') : '';
      });
    },
  };
}
