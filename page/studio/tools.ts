/** The tools and the keys, in one table: toolbar, help and keyboard derive from it. */
import { elements } from './elements.js';

export type Tool = 'brush' | 'eraser' | 'fill' | 'lasso' | 'accept-lasso' | 'pick' | 'pan';

interface ToolRow {
  readonly tool: Tool;
  readonly title: string;
  readonly key: string;
  /** Paths of the icon, in 24×24. */
  readonly icon: string;
}

export const TOOLS: readonly ToolRow[] = [
  {
    tool: 'brush',
    title: 'Brush',
    key: 'b',
    icon: 'M4 20c3 0 4-1 4-4l9-10a2 2 0 0 1 3 3L10 18c-1 2-3 2-6 2z',
  },
  { tool: 'eraser', title: 'Eraser', key: 'e', icon: 'M8 19l-4-4 9-10 7 7-7 7H8zM10 9l7 7M8 19h12' },
  {
    tool: 'fill',
    title: 'Fill a region of one label',
    key: 'f',
    icon: 'M5 12l7-7 7 7-7 7-7-7zM9 3l3 3M20 17v1',
  },
  {
    tool: 'lasso',
    title: 'Lasso: fill an outline',
    key: 'l',
    icon: 'M12 4c5 0 8 2 8 5s-3 5-8 5-8-2-8-5 3-5 8-5zM8 14c-1 3 0 4 2 6',
  },
  {
    tool: 'accept-lasso',
    title: 'Lasso: accept the prediction inside',
    key: 'g',
    icon: 'M12 4c5 0 8 3 8 7s-3 7-8 7-8-3-8-7 3-7 8-7zM8 11l3 3 5-6',
  },
  {
    tool: 'pick',
    title: 'Pick the class under the pointer',
    key: 'i',
    icon: 'M14 6l4 4M4 20l1-4 8-8 3 3-8 8-4 1zM13 5l2-2 6 6-2 2',
  },
  {
    tool: 'pan',
    title: 'Move the image (or hold the space bar)',
    key: 'h',
    icon: 'M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3',
  },
];

/** Keys besides those of tools, for the help. */
const OTHER_KEYS: readonly (readonly [string, string])[] = [
  ['1 … 9', 'choose a class'],
  ['[ ]', 'smaller or larger brush'],
  ['Ctrl Z, Ctrl Shift Z', 'undo, redo'],
  ['A', 'accept the rest: unpainted pixels take the prediction'],
  ['N, Shift N', 'next image, previous image'],
  ['U', 'next uncertain region'],
  ['P, X, V, O', 'prediction, uncertainty, labels, outlines on or off'],
  ['+ − 0', 'zoom in, zoom out, whole image; also the wheel'],
  ['Arrows, Enter', 'move the brush with the keyboard, paint'],
  ['Alt', 'hold to pick a class, right button to erase'],
  ['?', 'these keys'],
];

export function createToolbar(
  onTool: (tool: Tool) => void,
  onUndo: () => void,
  onRedo: () => void,
): (tool: Tool) => void {
  const buttons = TOOLS.map(({ tool, title, key, icon }) => {
    const button = iconButton(`${title} (${key.toUpperCase()})`, icon);
    button.addEventListener('click', () => onTool(tool));
    return { tool, button };
  });
  const gap = document.createElement('span');
  gap.className = 'gap';
  const undo = iconButton('Undo (Ctrl Z)', 'M4 9h10a6 6 0 0 1 0 12h-3M4 9l4-4M4 9l4 4');
  undo.addEventListener('click', onUndo);
  const redo = iconButton('Redo (Ctrl Shift Z)', 'M20 9H10a6 6 0 0 0 0 12h3M20 9l-4-4M20 9l-4 4');
  redo.addEventListener('click', onRedo);
  elements.tools.append(...buttons.map(({ button }) => button), gap, undo, redo);
  const rows = [...TOOLS.map(({ key, title }) => [key.toUpperCase(), title] as const), ...OTHER_KEYS];
  elements.keys.append(
    ...rows.flatMap(([key, text]) => {
      const [term, detail] = [document.createElement('dt'), document.createElement('dd')];
      term.textContent = key;
      detail.textContent = text;
      return [term, detail];
    }),
  );
  return (tool) => {
    for (const each of buttons) each.button.setAttribute('aria-pressed', String(each.tool === tool));
  };
}

function iconButton(title: string, icon: string): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.title = title;
  button.setAttribute('aria-label', title);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', icon);
  svg.append(path);
  button.append(svg);
  return button;
}
