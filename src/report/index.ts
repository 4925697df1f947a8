/** What people see of a run: error maps, galleries, the film of learning. */
export * from './data-sheet.js';
export * from './error-map.js';
export * from './film.js';
export * from './gallery.js';
export * from './gallery-choice.js';
