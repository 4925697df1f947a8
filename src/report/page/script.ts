/**
 * The one script of a report: the film's slider, and masks that come and go. Everything is there to read without
 * it. It stands in the page as written here and takes nothing from elsewhere.
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
  const told = film.querySelector('output');
  const play = film.querySelector('button');
  const masks = film.querySelectorAll('.mask');
  let timer;
  const show = () => {
    const frame = frames[Number(slider.value)];
    const look = film.querySelector('input[name=look]:checked').value;
    film.classList.toggle('plain', look === 'image');
    const shown = look === 'truth' ? truths : frame.masks;
    masks.forEach((mask, i) => mask.setAttribute('href', shown[i]));
    told.textContent = look === 'prediction' ? frame.text : look === 'truth' ? 'The truth' : 'The images alone';
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
  for (const look of film.querySelectorAll('input[name=look]')) look.addEventListener('change', show);
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
