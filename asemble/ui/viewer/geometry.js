// Places: from voxels to the patient, and from one pane's slices to another's.
// An affine takes (slice, row, column, 1) to LPS mm; `__init__.py` sends it as rows of numbers.

const PARALLEL_COSINE = 0.996; // stacks within five degrees of each other are scrolled together
const CROSSING_SINE = 0.2; // planes nearer to parallel than this show no reference line

/** @type {(a: Vector, b: Vector) => number} */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** @type {(a: Vector, b: Vector) => Vector} */
const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/**
 * The step in mm to the next slice (0), row (1) or column (2).
 * @type {(affine: Affine, k: 0 | 1 | 2) => Vector}
 */
export const step = (affine, k) => [affine[0][k], affine[1][k], affine[2][k]];

/**
 * In LPS mm.
 * @type {(affine: Affine, slice: number, row: number, column: number) => Vector}
 */
export function pointOf(affine, slice, row, column) {
  return affine.slice(0, 3).map((line) => line[0] * slice + line[1] * row + line[2] * column + line[3]);
}

/**
 * Of the slices, of length 1.
 * @type {(affine: Affine) => Vector}
 */
export function normalOf(affine) {
  const normal = cross(step(affine, 2), step(affine, 1));
  const size = Math.sqrt(dot(normal, normal));
  return normal.map((v) => v / size);
}

/** @type {(one: Geometry, other: Geometry, cosine?: number) => boolean} */
export function areParallel(one, other, cosine = PARALLEL_COSINE) {
  if (!one.affine || !other.affine) return false;
  return Math.abs(dot(normalOf(one.affine), normalOf(other.affine))) > cosine;
}

/**
 * The slice of `other` that lies nearest to slice `index` of `one`, by millimetres; 0 where they
 * are unknown.
 * @type {(one: Geometry, index: number, other: Geometry) => number}
 */
export function matchingSlice(one, index, other) {
  if (!one.affine || !other.affine) return 0;
  const axis = axisOf(one.affine);
  const wanted = levelOn(axis, one, one.affine, index);
  let [best, nearest] = [0, Infinity];
  for (let slice = 0; slice < other.slices; slice++) {
    const far = Math.abs(levelOn(axis, other, other.affine, slice) - wanted);
    if (far < nearest) [best, nearest] = [slice, far];
  }
  return best;
}

/**
 * The normal of the slices towards left, posterior or superior, whichever is nearest to it.
 * @type {(affine: Affine) => Vector}
 */
function axisOf(affine) {
  const normal = normalOf(affine);
  const most = normal.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return most < 0 ? normal.map((v) => -v) : normal;
}

/**
 * Where a slice lies along the axis of its stack, with the offset of its series; 0 where unknown.
 * @type {(data: Geometry, slice: number) => number}
 */
export const levelOf = (data, slice) => (data.affine ? levelOn(axisOf(data.affine), data, data.affine, slice) : 0);

/** @type {(axis: Vector, data: Geometry, affine: Affine, slice: number) => number} */
const levelOn = (axis, data, affine, slice) => dot(axis, middleOf(data, affine, slice)) + (data.offset_mm ?? 0);

/** @type {(data: Geometry, affine: Affine, slice: number) => Vector} */
const middleOf = ({ rows, columns }, affine, slice) => pointOf(affine, slice, (rows - 1) / 2, (columns - 1) / 2);

/**
 * The two places where slice `theirs` of `other` cuts slice `mine` of `one`, or null.
 * @type {(one: Geometry, mine: number, other: Geometry, theirs: number) => [Place, Place] | null}
 */
export function cutLine(one, mine, other, theirs) {
  if (!one.affine || !other.affine) return null;
  const normal = normalOf(other.affine);
  const [down, right] = [step(one.affine, 1), step(one.affine, 2)];
  const [perRow, perColumn] = [dot(normal, down), dot(normal, right)];
  if (Math.hypot(perRow / one.pixel[0], perColumn / one.pixel[1]) < CROSSING_SINE) return null;
  const rest = dot(normal, pointOf(one.affine, mine, 0, 0)) - dot(normal, pointOf(other.affine, theirs, 0, 0));
  const [lastRow, lastColumn] = [one.rows - 0.5, one.columns - 0.5];
  /** @type {Place[]} */
  const ends = [];
  /** @type {(row: number, column: number) => void} */
  const keep = (row, column) => {
    const isInside = row >= -0.5 && row <= lastRow && column >= -0.5 && column <= lastColumn;
    if (isInside) ends.push([row, column]);
  };
  for (const column of [-0.5, lastColumn]) if (perRow) keep(-(rest + perColumn * column) / perRow, column);
  for (const row of [-0.5, lastRow]) if (perColumn) keep(row, -(rest + perRow * row) / perColumn);
  return ends.length >= 2 ? [ends[0], ends[ends.length - 1]] : null;
}

/**
 * Between two places of one slice.
 * @type {(pixel: [number, number], one: Place, other: Place) => number}
 */
export function distanceMm(pixel, [row, column], [otherRow, otherColumn]) {
  return Math.hypot((row - otherRow) * pixel[0], (column - otherColumn) * pixel[1]);
}
