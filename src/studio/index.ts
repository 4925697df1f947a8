/** The studio: labelling images while a model learns from the labels. */
export type { HeldOutScores, LearnerKind, TrainingStatus } from './learning.js';
export { type StaticPageOptions, writeStaticStudio } from './static-page.js';
export { DEFAULT_STUDIO_PORT, type RunningStudio, startStudio, type StudioOptions } from './server.js';
