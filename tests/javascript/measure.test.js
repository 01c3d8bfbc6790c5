import assert from "node:assert/strict";
import { test } from "node:test";

import { figure, measuredWords, readRegion } from "../../asemble/ui/viewer/measure.js";
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
  stack: STACK, index: 1, data: { pixel: [2, 1], unit: "mm" }, ruler: null, region: null, reference: null, ...more,
});

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
  const read = readRegion(STACK, { pixel }, { slice: 2, centre: [3, 4], radius: 3 });
  assert.equal(read.count, values.length);
  assert.equal(values.length, 17); // 7 in its row, 5 in each beside it
  assert.ok(isNear([read.mean, read.sd], [mean, sd]));
});

test("a region that leaves the slice reads what is left of it", () => {
  const corner = readRegion(STACK, { pixel: [1, 1] }, { slice: 0, centre: [0, 0], radius: 1 });
  assert.equal(corner.count, 3);
  assert.ok(isNear(corner.mean, (valueAt(0, 0, 0) + valueAt(0, 0, 1) + valueAt(0, 1, 0)) / 3));
});

test("a region between the pixels, or beside the slice, reads nothing", () => {
  assert.equal(readRegion(STACK, { pixel: [1, 1] }, { slice: 0, centre: [2.5, 2.5], radius: 0.5 }), null);
  assert.equal(readRegion(STACK, { pixel: [1, 1] }, { slice: 0, centre: [-20, 4], radius: 5 }), null);
});

test("equal pixels have no spread, also where rounding would make it negative", () => {
  const even = { ...STACK, values: STACK.values.map(() => 3), slope: 0.1, intercept: 0.7 };
  const { sd } = readRegion(even, { pixel: [1, 1] }, { slice: 0, centre: [4, 4], radius: 3 });
  assert.ok(sd >= 0 && sd < 1e-6);
});

test("a ruler is read in millimetres, or in pixels where no size is known", () => {
  const ruler = { slice: 1, from: [0, 0], to: [2, 3] };
  assert.equal(measuredWords(paneOf({ ruler })), "Ruler: 5.0 mm");
  assert.equal(measuredWords(paneOf({ ruler, data: { pixel: [1, 1], unit: "pixels" } })), "Ruler: 3.6 pixels");
});

test("what lies on another slice is said with its slice", () => {
  const words = measuredWords(paneOf({ index: 0, ruler: { slice: 2, from: [0, 0], to: [0, 4] } }));
  assert.equal(words, "Ruler (slice 3): 4.0 mm");
});

test("the ratio to a reference is said where there are both", () => {
  const [region, reference] = [{ slice: 1, centre: [2, 2], radius: 1 }, { slice: 1, centre: [5, 5], radius: 2 }];
  const means = [region, reference].map((circle) => readRegion(STACK, { pixel: [2, 1] }, circle).mean);
  const words = measuredWords(paneOf({ region, reference }));
  assert.match(words, /^Region: mean .* · Reference: mean .* · Ratio: /);
  assert.ok(words.endsWith(`Ratio: ${(means[0] / means[1]).toFixed(2)}`));
  assert.ok(!measuredWords(paneOf({ region })).includes("Ratio"));
  assert.ok(!measuredWords(paneOf({ reference })).includes("Ratio"));
});

test("against a reference of zero or less there is no ratio", () => {
  const dark = { ...STACK, values: STACK.values.map(() => 0) };
  const circle = { slice: 1, centre: [2, 2], radius: 1 };
  assert.ok(!measuredWords(paneOf({ stack: dark, region: circle, reference: circle })).includes("Ratio"));
});

test("figures have three digits, and large ones no fraction", () => {
  assert.deepEqual([1234.5, -250.2, 12.345, 0.05].map(figure), ["1235", "-250", "12.3", "0.0500"]);
});
