import assert from "node:assert/strict";
import { test } from "node:test";

import { angleDegrees, areaMm2, figure, measuredWords, namesOf, readPixels } from "../../asemble/ui/viewer/measure.js";
import { isNear } from "./stacks.js";

const [SLICES, ROWS, COLUMNS] = [3, 8, 10];
const STACK = {
  shape: [SLICES, ROWS, COLUMNS],
  values: Uint16Array.from({ length: SLICES * ROWS * COLUMNS }, (_, k) => (k * 37) % 101),
  slope: 0.5,
  intercept: -7,
};
const valueAt = (slice, row, column) => STACK.values[(slice * ROWS + row) * COLUMNS + column] * 0.5 - 7;
const paneOf = (more = {}) => ({
  stack: STACK, index: 1, data: { pixel: [2, 1], unit: "mm" }, ...more,
});
/** A circle of so many mm, on pixels of 2 by 1 mm unless others are given. */
const circle = (slice, [row, column], radius, columnMm = 1) => ({ kind: "region", slice, points: [[row, column], [row, column + radius / columnMm]] });
const ruler = (slice, ...points) => ({ kind: "ruler", slice, points });

test("a region reads the pixels whose middles lie in it, in values of the series", () => {
  const pixel = [2, 1];
  const values = [];
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      if (((row - 3) * 2) ** 2 + (column - 4) ** 2 <= 9) values.push(valueAt(2, row, column));
    }
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const read = readPixels(STACK, { pixel }, circle(2, [3, 4], 3));
  assert.equal(read.count, values.length);
  assert.equal(values.length, 17); // 7 in its row, 5 in each beside it
  assert.ok(isNear([read.mean, read.sd], [mean, sd]));
});

test("a region that leaves the slice reads what is left of it", () => {
  const corner = readPixels(STACK, { pixel: [1, 1] }, circle(0, [0, 0], 1));
  assert.equal(corner.count, 3);
  assert.ok(isNear(corner.mean, (valueAt(0, 0, 0) + valueAt(0, 0, 1) + valueAt(0, 1, 0)) / 3));
});

test("a region between the pixels, or beside the slice, reads nothing", () => {
  assert.equal(readPixels(STACK, { pixel: [1, 1] }, circle(0, [2.5, 2.5], 0.5)), null);
  assert.equal(readPixels(STACK, { pixel: [1, 1] }, circle(0, [-20, 4], 5)), null);
});

test("equal pixels have no spread, also where rounding would make it negative", () => {
  const even = { ...STACK, values: STACK.values.map(() => 3), slope: 0.1, intercept: 0.7 };
  const { sd } = readPixels(even, { pixel: [1, 1] }, circle(0, [4, 4], 3));
  assert.ok(sd >= 0 && sd < 1e-6);
});

test("an outline reads the pixels whose middles it encloses, and its area", () => {
  const points = [[1.5, 1.5], [1.5, 6.5], [4.5, 6.5], [4.5, 1.5]]; // 3 rows by 5 columns
  const read = readPixels(STACK, { pixel: [2, 1] }, { kind: "outline", slice: 0, points });
  let sum = 0;
  for (let row = 2; row <= 4; row++) for (let column = 2; column <= 6; column++) sum += valueAt(0, row, column);
  assert.equal(read.count, 15);
  assert.ok(isNear(read.mean, sum / 15));
  assert.ok(isNear(areaMm2([2, 1], points), 30));
  assert.ok(isNear(areaMm2([2, 1], points.toReversed()), 30));
});

test("an angle counts millimetres of rows and columns apart", () => {
  assert.ok(isNear(angleDegrees([2, 1], [[0, 2], [0, 0], [1, 0]]), 90));
  assert.ok(isNear(angleDegrees([2, 1], [[0, 2], [0, 0], [1, 2]]), 45));
});

test("a ruler is read in millimetres, or in pixels where no size is known", () => {
  const measures = [ruler(1, [0, 0], [2, 3])];
  assert.equal(measuredWords(paneOf(), measures), "Ruler: 5.0 mm");
  assert.equal(measuredWords(paneOf({ data: { pixel: [1, 1], unit: "pixels" } }), measures), "Ruler: 3.6 pixels");
});

test("several of a kind are numbered, and what lies on other slices is not said", () => {
  const measures = [ruler(1, [0, 0], [0, 4]), ruler(2, [0, 0], [0, 9]), ruler(1, [0, 0], [0, 5])];
  assert.equal(measuredWords(paneOf(), measures), "Ruler 1: 4.0 mm · Ruler 2: 5.0 mm");
  assert.deepEqual(namesOf([{ kind: "ruler" }, { kind: "angle" }, { kind: "ruler" }]), ["Ruler 1", "Angle", "Ruler 2"]);
});

test("the ratio to a reference is said where there are both, from another slice with its slice", () => {
  const [region, reference] = [circle(1, [2, 2], 1), { ...circle(1, [5, 5], 2), kind: "reference" }];
  const means = [region, reference].map((each) => readPixels(STACK, { pixel: [2, 1] }, each).mean);
  const words = measuredWords(paneOf(), [region, reference]);
  assert.match(words, /^Region: mean .* · Reference: mean .* · Ratio: /);
  assert.ok(words.endsWith(`Ratio: ${(means[0] / means[1]).toFixed(2)}`));
  assert.ok(!measuredWords(paneOf(), [region]).includes("Ratio"));
  assert.ok(!measuredWords(paneOf(), [reference]).includes("Ratio"));
  assert.match(measuredWords(paneOf(), [region, { ...reference, slice: 2 }]), / · Reference \(slice 3\): .* · Ratio: /);
  assert.match(measuredWords(paneOf(), [region, region, reference]), /Ratio of region 1: .* · Ratio of region 2: /);
});

test("against a reference of zero or less there is no ratio", () => {
  const dark = { ...STACK, values: STACK.values.map(() => 0) };
  const region = circle(1, [4, 4], 2);
  assert.ok(!measuredWords(paneOf({ stack: dark }), [region, { ...region, kind: "reference" }]).includes("Ratio"));
});

test("figures have three digits, and large ones no fraction", () => {
  assert.deepEqual([1234.5, -250.2, 12.345, 0.05].map(figure), ["1235", "-250", "12.3", "0.0500"]);
});
