/** Questions to a worker, and their answers. */

export interface WorkerMessage<Question> {
  readonly id: number;
  readonly question: Question;
}

export type WorkerReply<Answer> =
  { readonly id: number; readonly answer: Answer } | { readonly id: number; readonly error: string };

/** The page's side. `Answers` has the type of the answer for each kind of question. */
export class WorkerClient<Question extends { readonly kind: string }, Answers> {
  private readonly waiting = new Map<
    number,
    { resolve: (answer: Answers[keyof Answers]) => void; reject: (error: Error) => void }
  >();
  private next = 0;

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<WorkerReply<Answers[keyof Answers]>>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.answer);
    };
  }

  ask<Q extends Question>(
    question: Q,
    transfer: Transferable[] = [],
  ): Promise<Answers[Q['kind'] & keyof Answers]> {
    const id = this.next++;
    return new Promise<Answers[keyof Answers]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, question } satisfies WorkerMessage<Question>, transfer);
    }) as Promise<Answers[Q['kind'] & keyof Answers]>;
  }
}

/** The worker's side: answers each question. `transfer` lists what of an answer moves instead of being copied. */
export function answerQuestions<Question, Answer>(
  answer: (question: Question) => Answer | Promise<Answer>,
  transfer: (answer: Answer) => Transferable[] = () => [],
): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent<WorkerMessage<Question>>) => void) | null;
    postMessage(reply: WorkerReply<Answer>, transfer?: Transferable[]): void;
  };
  scope.onmessage = async ({ data: { id, question } }) => {
    try {
      const found = await answer(question);
      scope.postMessage({ id, answer: found }, transfer(found));
    } catch (error) {
      scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
}
