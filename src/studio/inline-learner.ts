/** The learner in the thread of the server, for tests that run from TypeScript sources. */
import { LearnerEngine } from './learner-engine.js';
import {
  type Exported,
  type ImageForPrediction,
  type LabelsForLearning,
  NOTHING_LEARNED,
  type Prediction,
  type StudioLearner,
} from './learning.js';
import { type EngineOptions, nodePlatform } from './node-platform.js';

export class InlineLearner implements StudioLearner {
  status = NOTHING_LEARNED;
  onEvent: StudioLearner['onEvent'] = () => undefined;
  private readonly engine: LearnerEngine;

  constructor(options: EngineOptions) {
    this.engine = new LearnerEngine(options.classes, nodePlatform(options), (event) => {
      if (event.kind === 'training') this.status = event.status;
      this.onEvent(event);
    });
  }

  setClasses(names: readonly string[]): void {
    this.engine.setClasses(names);
  }

  opened(image: ImageForPrediction): void {
    this.engine.opened(image);
  }

  labelled(image: LabelsForLearning): void {
    this.engine.setLabels(image);
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.engine.predict(image);
  }

  exportTo(to: 'run' | 'onnx'): Promise<Exported> {
    return this.engine.exportTo(to);
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
