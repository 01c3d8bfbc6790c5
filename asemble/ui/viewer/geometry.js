// Places: from voxels to the patient, and from one pane's slices to another's.
// An affine takes (slice, row, column, 1) to LPS mm; `viewer.py` sends it as rows of numbers.

const PARALLEL_COSINE = 0.996; // stacks within five degrees of each other are scrolled together
const CROSSING_SINE = 0.2; // planes nearer to parallel than this show no reference line

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const step = (affine, k) => [affine[0][k], affine[1][k], affine[2][k]];

function pointOf(affine, slice, row, column) {
  return affine.slice(0, 3).map((line) => line[0] * slice + line[1] * row + line[2] * column + line[3]);
}

function normalOf(affine) {
  const normal = cross(step(affine, 2), step(affine, 1));
  const size = Math.sqrt(dot(normal, normal));
  return normal.map((v) => v / size);
}

function areParallel(one, other) {
  if (!one.affine || !other.affine) return false;
  return Math.abs(dot(normalOf(one.affine), normalOf(other.affine))) > PARALLEL_COSINE;
}

// The slice of `other` that lies nearest to slice `index` of `one`, by millimetres.
function matchingSlice(one, index, other) {
  const middle = (data, slice) => pointOf(data.affine, slice, (data.rows - 1) / 2, (data.columns - 1) / 2);
  const normal = normalOf(one.affine);
  const wanted = dot(normal, middle(one, index));
  let [best, nearest] = [0, Infinity];
  for (let slice = 0; slice < other.slices; slice++) {
    const far = Math.abs(dot(normal, middle(other, slice)) - wanted);
    if (far < nearest) [best, nearest] = [slice, far];
  }
  return best;
}

// Two (row, column) points where slice `theirs` of `other` cuts slice `mine` of `one`, or null.
function cutLine(one, mine, other, theirs) {
  if (!one.affine || !other.affine) return null;
  const normal = normalOf(other.affine);
  const [down, right] = [step(one.affine, 1), step(one.affine, 2)];
  const [perRow, perColumn] = [dot(normal, down), dot(normal, right)];
  if (Math.hypot(perRow / one.pixel[0], perColumn / one.pixel[1]) < CROSSING_SINE) return null;
  const rest = dot(normal, pointOf(one.affine, mine, 0, 0)) - dot(normal, pointOf(other.affine, theirs, 0, 0));
  const [lastRow, lastColumn] = [one.rows - 0.5, one.columns - 0.5];
  const ends = [];
  const keep = (row, column) => {
    const isInside = row >= -0.5 && row <= lastRow && column >= -0.5 && column <= lastColumn;
    if (isInside) ends.push([row, column]);
  };
  for (const column of [-0.5, lastColumn]) if (perRow) keep(-(rest + perColumn * column) / perRow, column);
  for (const row of [-0.5, lastRow]) if (perColumn) keep(row, -(rest + perRow * row) / perColumn);
  return ends.length >= 2 ? [ends[0], ends[ends.length - 1]] : null;
}

// Millimetres between two (row, column) points of one slice.
function distanceMm(pixel, [row, column], [otherRow, otherColumn]) {
  return Math.hypot((row - otherRow) * pixel[0], (column - otherColumn) * pixel[1]);
}
