/** What people see of a run: error maps, galleries, the film of learning, the report that shows them all. */
export * from './data-sheet.js';
export * from './error-map.js';
export * from './film.js';
export * from './gallery.js';
export * from './gallery-choice.js';
export * from './report.js';
