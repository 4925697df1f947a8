/** The list of classes: colours, shares of the image, and check boxes that show or hide them. */
import { elements } from './elements.js';
import { percent } from './percent.js';

export interface Legend {
  /** By class: whether it is hidden. */
  hidden(): boolean[];
  /** Shows each class's share of the image; undefined clears the shares. */
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
    const share = document.createElement('span');
    share.className = 'share';
    const label = document.createElement('label');
    label.append(box, swatch, title, share);
    const item = document.createElement('li');
    item.append(label);
    elements.classes.append(item);
    return { box, share };
  });
  return {
    hidden: () => rows.map(({ box }) => !box.checked),
    shares(counts) {
      const all = counts?.reduce((sum, count) => sum + count, 0) ?? 0;
      rows.forEach(({ share }, index) => {
        share.textContent = counts ? percent(counts[index]! / all) : '';
      });
    },
  };
}
