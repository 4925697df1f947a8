/** Whether numbers are finite: neither NaN nor infinite. */

/** Whether every value is finite. A sum of float32 numbers in double precision cannot overflow by itself. */
export function allFinite(values: Float32Array): boolean {
  // Four running sums: one would wait for its own addition at every element.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]!;
  return Number.isFinite(a + b + c + d);
}

/** Place of the first value that is NaN or infinite; −1 if there is none. */
export function firstNonFinite(values: Float32Array): number {
  return allFinite(values) ? -1 : values.findIndex((value) => !Number.isFinite(value));
}
