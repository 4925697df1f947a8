/** Runs one piece of work at a time. Of the requests that arrive meanwhile, only the latest is kept. */
export function latest<T>(work: (value: T) => Promise<void>): (value: T) => void {
  let running = false;
  let pending: { readonly value: T } | undefined;
  const run = async (first: T) => {
    running = true;
    try {
      await work(first);
      for (let next = pending; next; next = pending) {
        pending = undefined;
        await work(next.value);
      }
    } finally {
      running = false;
    }
  };
  return (value) => {
    if (running) pending = { value };
    else void run(value);
  };
}
