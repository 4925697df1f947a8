/** Server-sent events (HTML standard, section 9.2): what happens in the studio, to all pages that listen. */
import type { StudioEvents } from './protocol.js';

/** Milliseconds between comments that keep idle connections open. */
const HEARTBEAT = 15_000;

/** Bytes that may wait for a slow page before it is disconnected; it then reconnects and reads the state again. */
const MOST_WAITING = 2 ** 20;

export class EventStream {
  private readonly listeners = new Set<ReadableStreamDefaultController<Uint8Array>>();
  private readonly encoder = new TextEncoder();
  private readonly timer = setInterval(() => this.write(': \n\n'), HEARTBEAT);

  constructor() {
    this.timer.unref();
  }

  /** Tells all pages. */
  send<E extends keyof StudioEvents>(name: E, data: StudioEvents[E]): void {
    this.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** The answer to a page that listens. @param first events that it gets at once, by name. */
  response(first: Readonly<Record<string, object>>, signal: AbortSignal): Response {
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          own = controller;
          this.listeners.add(controller);
          for (const [name, data] of Object.entries(first)) {
            controller.enqueue(this.encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
          }
          signal.addEventListener('abort', () => this.remove(controller), { once: true });
        },
        cancel: () => void this.listeners.delete(own),
      },
      { highWaterMark: MOST_WAITING, size: (chunk) => chunk!.length },
    );
    return new Response(body, {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    });
  }

  close(): void {
    clearInterval(this.timer);
    for (const controller of [...this.listeners]) this.remove(controller);
  }

  private write(text: string): void {
    const bytes = this.encoder.encode(text);
    for (const controller of [...this.listeners]) {
      if ((controller.desiredSize ?? 0) <= 0) this.remove(controller);
      else controller.enqueue(bytes);
    }
  }

  private remove(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (!this.listeners.delete(controller)) return;
    try {
      controller.close();
    } catch {
      // The page has gone.
    }
  }
}
