/** Server metrics in Prometheus's text format (version 0.0.4). */

/** Upper bounds of the histogram's buckets, in seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface Gauges {
  /** Requests being received, waiting or running. */
  readonly inside: number;
  /** Requests waiting for their turn. */
  readonly queued: number;
}

export class Metrics {
  private readonly started = Date.now() / 1000;
  private readonly requests = new Map<string, number>();
  private readonly buckets = new Array<number>(BUCKETS.length).fill(0);
  private segmented = 0;
  private seconds = 0;
  private pixels = 0;

  /** Counts a response. @param route one of the server's routes, never a path that the client made up. */
  answered(route: string, status: number): void {
    const labels = `route="${route}",status="${status}"`;
    this.requests.set(labels, (this.requests.get(labels) ?? 0) + 1);
  }

  /** Counts a segmented image. @param seconds from decoded image to mask. */
  segmentedIn(seconds: number, pixels: number): void {
    this.segmented++;
    this.seconds += seconds;
    this.pixels += pixels;
    BUCKETS.forEach((bound, i) => {
      if (seconds <= bound) this.buckets[i]!++;
    });
  }

  text({ inside, queued }: Gauges): string {
    const name = 'pixelwise_segment_seconds';
    return [
      ...metric('pixelwise_requests_total', 'counter', 'Requests answered.'),
      ...[...this.requests].map(([labels, count]) => `pixelwise_requests_total{${labels}} ${count}`),
      ...metric(name, 'histogram', 'Seconds from decoded image to mask.'),
      ...BUCKETS.map((bound, i) => `${name}_bucket{le="${bound}"} ${this.buckets[i]}`),
      `${name}_bucket{le="+Inf"} ${this.segmented}`,
      `${name}_sum ${this.seconds}`,
      `${name}_count ${this.segmented}`,
      ...metric('pixelwise_segmented_pixels_total', 'counter', 'Pixels segmented.'),
      `pixelwise_segmented_pixels_total ${this.pixels}`,
      ...metric('pixelwise_requests_inside', 'gauge', 'Requests being received, waiting, or running.'),
      `pixelwise_requests_inside ${inside}`,
      ...metric('pixelwise_requests_queued', 'gauge', 'Requests waiting for their turn.'),
      `pixelwise_requests_queued ${queued}`,
      ...metric('process_resident_memory_bytes', 'gauge', 'Resident memory.'),
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      ...metric('process_start_time_seconds', 'gauge', 'Start of the server, seconds since 1970.'),
      `process_start_time_seconds ${this.started}`,
      '',
    ].join('\n');
  }
}

function metric(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
