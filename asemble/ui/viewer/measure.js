// What rulers, angles and regions read. Values are those of the series, not of the screen.

import { distanceMm } from "./geometry.js";

/** @type {Record<Kind, string>} */
export const TITLES = { ruler: "Ruler", angle: "Angle", arrow: "Arrow", region: "Region", outline: "Outline", reference: "Reference" };

/** @typedef {Pick<Stack, "shape" | "values" | "slope" | "intercept">} Values */
/** @typedef {{ count: number, mean: number, sd: number }} Pixels */

/**
 * Mean, standard deviation (of all pixels in it) and number of pixels whose centres lie in a region
 * or an outline; null where there is none.
 * @type {(stack: Values, data: Pick<Geometry, "pixel">, measure: Pick<Measure, "kind" | "slice" | "points">) => Pixels | null}
 */
export function readPixels(stack, { pixel }, { kind, slice, points }) {
  const [, rows, columns] = stack.shape;
  const radius = kind === "outline" ? 0 : distanceMm(pixel, points[0], points[1]);
  const around = kind === "outline" ? points : [-1, 1].map((sign) => /** @type {Place} */ ([points[0][0] + (sign * radius) / pixel[0], points[0][1] + (sign * radius) / pixel[1]]));
  /** @type {(row: number, column: number) => boolean} */
  const isInside = (row, column) => (kind === "outline" ? encloses(points, [row, column]) : distanceMm(pixel, points[0], [row, column]) <= radius);
  /** @type {(axis: 0 | 1, last: number) => [number, number]} */
  const reach = (axis, last) => {
    const along = around.map((place) => place[axis]);
    return [Math.max(0, Math.ceil(Math.min(...along))), Math.min(last, Math.max(...along))];
  };
  const [[top, bottom], [left, right]] = [reach(0, rows - 1), reach(1, columns - 1)];
  let [count, sum, squares] = [0, 0, 0];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      if (!isInside(row, column)) continue;
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

/**
 * Whether a place lies inside a closed line: a ray from it crosses the line an odd number of times.
 * @type {(line: Place[], place: Place) => boolean}
 */
function encloses(line, [row, column]) {
  let isInside = false;
  line.forEach(([r, c], k) => {
    const [r0, c0] = line[(k || line.length) - 1];
    if (r > row !== r0 > row && column < c + ((row - r) * (c0 - c)) / (r0 - r)) isInside = !isInside;
  });
  return isInside;
}

/**
 * What a closed line encloses, in square mm.
 * @type {(pixel: [number, number], line: Place[]) => number}
 */
export function areaMm2(pixel, line) {
  const twice = line.reduce((sum, [r, c], k) => {
    const [r0, c0] = line[(k || line.length) - 1];
    return sum + c0 * r - c * r0;
  }, 0);
  return (Math.abs(twice) / 2) * pixel[0] * pixel[1];
}

/**
 * Between both arms, in degrees; the point in the middle is the vertex.
 * @type {(pixel: [number, number], points: Place[]) => number}
 */
export function angleDegrees(pixel, [one, vertex, other]) {
  const [a, b] = [one, other].map((end) => [(end[0] - vertex[0]) * pixel[0], (end[1] - vertex[1]) * pixel[1]]);
  const cosine = (a[0] * b[0] + a[1] * b[1]) / (Math.hypot(...a) * Math.hypot(...b));
  return (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
}

/** @type {(value: number) => string} */
export const figure = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

/**
 * What a measure says beside it on the slice; of regions nothing, their values stand below.
 * @type {(data: Pick<PaneData, "pixel" | "unit">, measure: Measure) => string}
 */
export function shortWords({ pixel, unit }, { kind, points, text }) {
  if (kind === "ruler") return `${distanceMm(pixel, points[0], points[1]).toFixed(1)} ${unit}`;
  if (kind === "angle") return points.length > 2 ? `${angleDegrees(pixel, points).toFixed(1)}°` : "";
  if (kind === "outline") return `${figure(areaMm2(pixel, points))} ${unit === "mm" ? "mm²" : "pixels²"}`;
  return kind === "arrow" ? text : "";
}

/**
 * The number of each of the measures among those of its kind; empty where it is the only one.
 * @type {(measures: Pick<Measure, "kind">[]) => string[]}
 */
export function numbersOf(measures) {
  return measures.map(({ kind }, k) => {
    const alike = measures.filter((each) => each.kind === kind);
    return alike.length > 1 ? String(measures.slice(0, k + 1).filter((each) => each.kind === kind).length) : "";
  });
}

/**
 * A name for each of the measures, with a number where there are several of its kind.
 * @type {(measures: Pick<Measure, "kind">[]) => string[]}
 */
export function namesOf(measures) {
  return numbersOf(measures).map((number, k) => [TITLES[measures[k].kind], number].filter(Boolean).join(" "));
}

/**
 * The sentence below a pane: what was measured on its slice, regions against the reference of the
 * series. Without voxel sizes lengths are in pixels, and it says so.
 * @param {Pick<Drawn, "stack" | "index"> & { data: Pick<PaneData, "pixel" | "unit"> }} pane
 * @param {Measure[]} all of the series
 */
export function measuredWords(pane, all) {
  const { data, stack, index } = pane;
  const reference = all.filter((each) => each.kind === "reference").at(-1);
  const here = all.filter((each) => each.slice === index && each.kind !== "reference");
  const names = namesOf(here);
  /** @type {(title: string, measure: Measure) => { words: string, mean: number }} */
  const read = (title, measure) => {
    const values = readPixels(stack, data, measure);
    const short = [shortWords(data, measure)].filter(Boolean);
    if (!values) return { words: [title, ...short].join(": "), mean: NaN };
    const { mean, sd, count } = values;
    return { words: `${title}: ${[...short, `mean ${figure(mean)}, SD ${figure(sd)}, ${count} pixels`].join(", ")}`, mean };
  };
  const words = [];
  const ratios = [];
  const against = reference && read(`Reference${reference.slice === index ? "" : ` (slice ${reference.slice + 1})`}`, reference);
  for (const [k, measure] of here.entries()) {
    if (measure.kind !== "region" && measure.kind !== "outline") {
      words.push([names[k], shortWords(data, measure)].filter(Boolean).join(": "));
      continue;
    }
    const { words: said, mean } = read(names[k], measure);
    words.push(said);
    if (against && against.mean > 0 && !isNaN(mean)) ratios.push({ name: names[k], ratio: mean / against.mean });
  }
  if (against && (ratios.length || reference?.slice === index)) words.push(against.words);
  for (const { name, ratio } of ratios) words.push(`${ratios.length > 1 ? `Ratio of ${name.toLowerCase()}` : "Ratio"}: ${ratio.toFixed(2)}`);
  return words.join(" · ");
}
