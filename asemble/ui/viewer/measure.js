// What the ruler and the regions read. Values are those of the series, not of the screen.

import { distanceMm } from "./geometry.js";

/**
 * Mean, standard deviation (of all pixels in it) and number of pixels whose centres lie in the
 * region; null where there is none.
 * @param {Pick<Stack, "shape" | "values" | "slope" | "intercept">} stack
 * @param {Pick<Geometry, "pixel">} data
 * @param {Region} region
 * @returns {{ count: number, mean: number, sd: number } | null}
 */
export function readRegion(stack, { pixel }, { slice, centre, radius }) {
  const [, rows, columns] = stack.shape;
  const [high, wide] = [radius / pixel[0], radius / pixel[1]];
  let [count, sum, squares] = [0, 0, 0];
  for (let row = Math.max(0, Math.ceil(centre[0] - high)); row <= Math.min(rows - 1, centre[0] + high); row++) {
    for (let column = Math.max(0, Math.ceil(centre[1] - wide)); column <= Math.min(columns - 1, centre[1] + wide); column++) {
      if (distanceMm(pixel, centre, [row, column]) > radius) continue;
      const value = stack.values[(slice * rows + row) * columns + column] * stack.slope + stack.intercept;
      count += 1;
      sum += value;
      squares += value * value;
    }
  }
  if (!count) return null;
  const mean = sum / count;
  return { count, mean, sd: Math.sqrt(Math.max(squares / count - mean * mean, 0)) };
}

/** @type {(value: number) => string} */
export const figure = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

/**
 * The sentence below a pane. Without voxel sizes lengths are in pixels, and it says so.
 * @param {Pick<Drawn, "stack" | "index" | "ruler" | "region" | "reference"> & { data: Pick<PaneData, "pixel" | "unit"> }} pane
 */
export function measuredWords(pane) {
  const { data, stack, ruler } = pane;
  const words = [];
  /** @type {(mark: { slice: number }) => string} */
  const where = (mark) => (mark.slice === pane.index ? "" : ` (slice ${mark.slice + 1})`);
  if (ruler) {
    const long = distanceMm(data.pixel, ruler.from, ruler.to);
    words.push(`Ruler${where(ruler)}: ${long.toFixed(1)} ${data.unit}`);
  }
  /** @type {(title: string, region: Region | null) => number} */
  const read = (title, region) => {
    const values = region && readRegion(stack, data, region);
    if (!values) return NaN;
    const { mean, sd, count } = values;
    words.push(`${title}${where(region)}: mean ${figure(mean)}, SD ${figure(sd)}, ${count} pixels`);
    return mean;
  };
  const [mean, reference] = [read("Region", pane.region), read("Reference", pane.reference)];
  if (!isNaN(mean) && reference > 0) words.push(`Ratio: ${(mean / reference).toFixed(2)}`);
  return words.join(" · ");
}
