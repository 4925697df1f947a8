/**
 * The script of a report: the film's slider, and hiding masks by click. The report is readable without it. It is
 * inserted in the page literally.
 */
export const SCRIPT = `
'use strict';
for (const panel of document.querySelectorAll('.panel')) {
  panel.addEventListener('click', () => {
    panel.setAttribute('aria-pressed', String(panel.getAttribute('aria-pressed') !== 'true'));
  });
}
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
