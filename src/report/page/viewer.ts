/**
 * The part of a report's script that opens pictures large, in a dialog: those of cards (`.panel` buttons of one figure
 * are the layers of one picture), contact sheets, and the images behind the marks of charts (`openImages`).
 */
export const VIEWER = `
const viewer = (() => {
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const title = make('p', { className: 'viewer-title id' });
  const close = make('button', { type: 'button', className: 'close', textContent: 'Close' });
  const stage = make('div', { className: 'viewer-stage' });
  const caption = make('p', { className: 'viewer-caption', ariaLive: 'polite' });
  const before = make('button', { type: 'button', textContent: '←', ariaLabel: 'Previous picture' });
  const after = make('button', { type: 'button', textContent: '→', ariaLabel: 'Next picture' });
  const layers = make('div', { className: 'viewer-layers', role: 'group', ariaLabel: 'Layer' });
  const dialog = make(
    'dialog',
    { className: 'viewer', ariaLabel: 'Picture' },
    make('div', { className: 'viewer-head' }, title, close),
    stage,
    caption,
    make('div', { className: 'viewer-foot' }, before, layers, after),
  );
  document.body.append(dialog);
  let entries = [];
  let at = 0;
  let layer = '';
  const draw = () => {
    const { name, text, views } = entries[at];
    const shown = views.find((view) => view.name === layer) ?? views[views.length - 1];
    title.textContent = name;
    caption.textContent = text;
    stage.replaceChildren(shown.draw());
    layers.replaceChildren(
      ...(views.length < 2 ? [] : views).map((view) => {
        const chosen = view === shown;
        const button = make('button', { type: 'button', textContent: view.name, ariaPressed: String(chosen) });
        button.addEventListener('click', () => show(at, view.name));
        return button;
      }),
    );
    before.hidden = after.hidden = entries.length < 2;
    before.disabled = at === 0;
    after.disabled = at === entries.length - 1;
  };
  const show = (index, name) => {
    const inside = layers.contains(document.activeElement);
    at = Math.max(0, Math.min(entries.length - 1, index));
    layer = name;
    draw();
    if (inside) layers.querySelector('[aria-pressed=true]')?.focus();
  };
  close.addEventListener('click', () => dialog.close());
  before.addEventListener('click', () => show(at - 1, layer));
  after.addEventListener('click', () => show(at + 1, layer));
  // A click beside the picture closes the dialog, as people expect.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('keydown', (event) => {
    const { views } = entries[at];
    if (event.key === 'ArrowLeft') show(at - 1, layer);
    else if (event.key === 'ArrowRight') show(at + 1, layer);
    else if (views[Number(event.key) - 1]) show(at, views[Number(event.key) - 1].name);
    else return;
    event.preventDefault();
  });
  return {
    /** Opens entries: { name, text, views: [{ name, draw() }] }. */
    open(list, index, name) {
      entries = list;
      show(index, name);
      dialog.showModal();
    },
  };
})();
const layerOf = (panel) => panel.dataset.layer ?? panel.querySelector('.what')?.textContent ?? '';
const copyOf = (panel) => {
  const copy = panel.querySelector('svg, img').cloneNode(true);
  for (const element of [copy, ...copy.querySelectorAll('[id]')]) element.removeAttribute('id');
  const holder = document.createElement('div');
  holder.className = panel.classList.contains('errors') ? 'errors' : '';
  holder.append(copy);
  return holder;
};
const entryOf = (figure) => ({
  name: figure.querySelector('.id')?.textContent ?? '',
  text: figure.querySelector('.told')?.textContent.trim() ?? '',
  views: viewsOf([...figure.querySelectorAll('.panel')]),
});
const viewsOf = (panels) => {
  const views = panels.map((panel) => ({ name: layerOf(panel), draw: () => copyOf(panel) }));
  if (panels.length > 1 || !panels[0].querySelector('.mask')) return views;
  // A single picture with a mask is shown without it, too.
  const plain = () => {
    const copy = copyOf(panels[0]);
    copy.querySelector('.mask').remove();
    return copy;
  };
  return [{ name: 'Image', draw: plain }, ...views];
};
for (const panel of document.querySelectorAll('button.panel')) {
  panel.addEventListener('click', () => {
    const figure = panel.dataset.card ? document.getElementById(panel.dataset.card) : panel.closest('figure');
    const figures = [...(figure.closest('section') ?? document).querySelectorAll('figure:has(button.panel)')];
    viewer.open(figures.map(entryOf), figures.indexOf(figure), layerOf(panel));
  });
}
const imagesData = document.getElementById('images-data');
if (imagesData) {
  const images = JSON.parse(imagesData.textContent);
  const svg = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawn = ({ id, width, height, image, box }, mask, layer) => {
    const picture = svg('svg', { viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': layer + ' of ' + id });
    picture.append(svg('image', { href: image, width, height }));
    if (mask) picture.append(svg('image', { href: mask, width, height, class: 'mask' }));
    if (box) {
      const [x, y, w, h] = box;
      const place = { x: x * width, y: y * height, width: w * width, height: h * height };
      picture.append(svg('rect', { ...place, class: 'doubt' }));
    }
    const holder = document.createElement('div');
    holder.append(picture);
    return holder;
  };
  const entries = images.map((item) => ({
    name: item.id,
    text: item.text,
    views: [['Image'], ['Truth', item.truth], ['Prediction', item.prediction]].map(([name, mask]) => ({
      name,
      draw: () => drawn(item, mask, name),
    })),
  }));
  const open = (index) => viewer.open(entries, index, 'Prediction');
  for (const chart of document.querySelectorAll('.marks.opens')) {
    const marks = [...chart.querySelectorAll('[data-image]')];
    const told = chart.querySelector('.chosen');
    let chosen = -1;
    const choose = (index) => {
      marks[chosen]?.classList.remove('at');
      chosen = Math.max(0, Math.min(marks.length - 1, index));
      marks[chosen].classList.add('at');
      told.textContent = marks[chosen].querySelector('title').textContent.trim();
    };
    chart.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (step) choose(chosen + step);
      else if (event.key === 'Enter' && chosen >= 0) open(Number(marks[chosen].dataset.image));
      else return;
      event.preventDefault();
    });
    // Marks are small for fingers: the nearest one is meant.
    chart.addEventListener('click', ({ clientX, clientY }) => {
      const away = (mark) => {
        const { left, right, top, bottom } = mark.getBoundingClientRect();
        const beyond = (at, low, high) => Math.max(low - at, 0, at - high);
        return Math.hypot(beyond(clientX, left, right), beyond(clientY, top, bottom));
      };
      const distances = marks.map(away);
      const nearest = distances.indexOf(Math.min(...distances));
      if (distances[nearest] > 24) return;
      choose(nearest);
      open(Number(marks[nearest].dataset.image));
    });
  }
  for (const button of document.querySelectorAll('button[data-opens]')) {
    button.addEventListener('click', () => open(Number(button.dataset.opens)));
  }
}
`;
