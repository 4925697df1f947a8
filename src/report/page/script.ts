/**
 * The script of a report: pictures that open large, the film's slider, and the menu of sections. The report is readable
 * without it. It is inserted in the page literally.
 */
import { VIEWER } from './viewer.js';

export const SCRIPT = `
'use strict';
${VIEWER}
const nav = document.querySelector('nav');
const menu = document.createElement('button');
menu.type = 'button';
menu.className = 'menu';
menu.setAttribute('aria-expanded', 'false');
menu.setAttribute('aria-controls', 'sections');
nav.prepend(menu);
nav.classList.add('folds');
const fold = (open) => menu.setAttribute('aria-expanded', String(open));
menu.addEventListener('click', () => fold(menu.getAttribute('aria-expanded') !== 'true'));
nav.addEventListener('keydown', (event) => event.key === 'Escape' && (fold(false), menu.focus()));
const links = [...nav.querySelectorAll('a')];
for (const link of links) link.addEventListener('click', () => fold(false));
const titles = [...document.querySelectorAll('main > section')];
const follow = () => {
  const here = titles.findLast((section) => section.getBoundingClientRect().top < 120) ?? titles[0];
  for (const link of links) {
    const current = link.hash === '#' + here.id;
    if (current) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
    if (current) menu.textContent = link.textContent;
  }
};
addEventListener('scroll', follow, { passive: true });
follow();
const film = document.querySelector('.film');
if (film) {
  const { truths, frames } = JSON.parse(document.getElementById('film-data').textContent);
  const slider = film.querySelector('input[type=range]');
  const status = film.querySelector('output');
  const play = film.querySelector('button');
  const masks = film.querySelectorAll('.mask');
  let timer;
  const show = () => {
    const frame = frames[Number(slider.value)];
    const mode = film.querySelector('input[name=look]:checked').value;
    film.classList.toggle('plain', mode === 'image');
    const shown = mode === 'truth' ? truths : frame.masks;
    masks.forEach((mask, i) => mask.setAttribute('href', shown[i]));
    status.textContent = mode === 'prediction' ? frame.text : mode === 'truth' ? 'Truth' : 'Images only';
    slider.setAttribute('aria-valuetext', frame.text);
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = 'Play';
  };
  slider.addEventListener('input', () => {
    stop();
    film.querySelector('input[value=prediction]').checked = true;
    show();
  });
  for (const mode of film.querySelectorAll('input[name=look]')) mode.addEventListener('change', show);
  play.addEventListener('click', () => {
    if (timer) return stop();
    play.textContent = 'Stop';
    film.querySelector('input[value=prediction]').checked = true;
    if (slider.value === slider.max) slider.value = '0';
    show();
    timer = setInterval(() => {
      slider.value = String(Number(slider.value) + 1);
      show();
      if (slider.value === slider.max) stop();
    }, Math.max(150, Math.min(700, 8000 / frames.length)));
  });
}
`;
