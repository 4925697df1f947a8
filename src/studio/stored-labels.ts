/** Gives the labels that a project has already to the learner: at the start, and when it starts again. */
import type { StudioLearner } from './learning.js';
import { learnerImage, type Project } from './project.js';

export async function learnFromStored(project: Project, learner: StudioLearner): Promise<void> {
  await project.measured;
  for (const { id, pixels } of project.images) {
    if (!pixels.some((count) => count > 0)) continue;
    try {
      const image = await project.usable(id);
      const { plane } = await project.labels.get(image);
      learner.labelled({ ...learnerImage(image), heldOut: image.heldOut, labels: plane.data });
    } catch {
      // A mask that cannot be used is reported when its image is opened.
    }
  }
}
