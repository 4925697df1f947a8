/** The buttons of the tools: a group of radio buttons, so arrow keys go through them. */
import { type Tool, TOOLS } from './editor.js';
import { element, icon, make } from './elements.js';

export const TOOL_TEXTS: Readonly<Record<Tool, { name: string; key: string; paths: string }>> = {
  brush: {
    name: 'Brush',
    key: 'B',
    paths:
      '<path d="M16.5 3.5L9 11M9 11c-2-.6-4 .4-4.4 2.4-.3 1.4-.9 2.1-2.1 2.6 2.4 1.2 7.2 1 7.8-2.4.2-1-.4-2.1-1.3-2.6z"/>',
  },
  eraser: {
    name: 'Eraser',
    key: 'E',
    paths: '<path d="M8.5 16.5l-5-5 8-8 5.5 5.5-7.5 7.5zM7 8l5.5 5.5M8.5 16.5H17"/>',
  },
  fill: {
    name: 'Fill',
    key: 'G',
    paths:
      '<path d="M8 3l7 7-5.5 5.5a1.5 1.5 0 01-2 0L3 11a1.5 1.5 0 010-2zM3 10h12M17 13.5s1.3 1.7 1.3 2.6a1.3 1.3 0 01-2.6 0c0-.9 1.3-2.6 1.3-2.6z"/>',
  },
  lasso: {
    name: 'Lasso fill',
    key: 'L',
    paths:
      '<path d="M6 13.5C3.8 12.6 2.5 11 2.5 9c0-3.3 3.4-5.5 7.5-5.5s7.5 2.2 7.5 5.5-3.4 5.5-7.5 5.5c-.8 0-1.6-.1-2.3-.3"/><circle cx="6.5" cy="14" r="1.6"/><path d="M6.5 15.6c0 1-.4 1.7-1.5 2.2"/>',
  },
  accept: {
    name: 'Accept prediction inside lasso',
    key: 'A',
    paths:
      '<path stroke-dasharray="2.5 2.5" d="M10 3c4.1 0 7.5 2.6 7.5 6.5S14.1 17 10 17s-7.5-3.6-7.5-7.5S5.9 3 10 3z"/><path d="M6.8 10l2.3 2.3 4.2-4.6"/>',
  },
  pick: {
    name: 'Pick class',
    key: 'I',
    paths:
      '<path d="M11.5 5.5l3 3M10.5 7l2.5 2.5L6 16.5H3.5V14zM12.5 6.5l2-2.5a1.5 1.5 0 012.3 2.3l-2.8 1.7"/>',
  },
  pan: {
    name: 'Move the image',
    key: 'H',
    paths:
      '<path d="M10 2.5v15M2.5 10h15M7.5 5L10 2.5 12.5 5M7.5 15l2.5 2.5 2.5-2.5M5 7.5L2.5 10 5 12.5M15 7.5l2.5 2.5-2.5 2.5"/>',
  },
};

/** Makes the buttons. @returns a function that marks a tool as chosen. */
export function createToolbar(onChoose: (tool: Tool) => void): (tool: Tool) => void {
  const boxes = new Map<Tool, HTMLInputElement>();
  for (const tool of TOOLS) {
    const { name, key, paths } = TOOL_TEXTS[tool];
    const label = make('label', '', { title: `${name} (${key})` });
    const box = make('input', '', { type: 'radio', name: 'tool', value: tool });
    box.setAttribute('aria-label', name);
    box.addEventListener('change', () => onChoose(tool));
    label.append(box, icon(paths));
    element('tools').append(label);
    boxes.set(tool, box);
  }
  return (tool) => {
    boxes.get(tool)!.checked = true;
  };
}
