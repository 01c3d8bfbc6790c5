import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, paintGreys, rangeOf, windowOf } from "../../asemble/ui/viewer/greys.js";

const greysOf = (values, greys, { slope = 1, intercept = 0, start = 0, length = values.length } = {}) => {
  const pixels = new Uint32Array(length);
  paintGreys(pixels, { values: Uint16Array.from(values), slope, intercept }, start, { inverted: false, ...greys });
  return pixels;
};
const red = (pixel) => pixel & 0xff;

test("values at the ends of the window are black and white, those beyond are clipped", () => {
  const pixels = greysOf([0, 100, 150, 200, 60000], { black: 100, white: 200 });
  assert.deepEqual([...pixels].map(red), [0, 0, 128, 255, 255]);
});

test("every pixel is opaque and as red as it is green and blue", () => {
  for (const pixel of greysOf([0, 40, 77, 100], { black: 0, white: 100 })) {
    assert.equal(pixel >>> 24, 255);
    assert.equal((pixel >> 8) & 0xff, red(pixel));
    assert.equal((pixel >> 16) & 0xff, red(pixel));
  }
});

test("inverted greys are the others turned round", () => {
  const values = [0, 13, 50, 99, 100];
  const [plain, inverted] = [false, true].map((isInverted) => greysOf(values, { black: 0, white: 100, inverted: isInverted }));
  plain.forEach((pixel, k) => assert.equal(red(pixel) + red(inverted[k]), 255));
});

test("the window is meant in the values of the series, not in the numbers that were sent", () => {
  const pixels = greysOf([0, 500, 1000], { black: -10, white: 10 }, { slope: 0.02, intercept: -10 });
  assert.deepEqual([...pixels].map(red), [0, 128, 255]);
});

test("only the slice that was asked for is painted", () => {
  const pixels = greysOf([9, 9, 0, 100, 9, 9], { black: 0, white: 100 }, { start: 2, length: 2 });
  assert.deepEqual([...pixels].map(red), [0, 255]);
});

test("a window is its width around its level", () => {
  assert.deepEqual(windowOf(40, 100, 1000), { black: 80, white: 120 });
});

test("no window is narrower than a thousandth of the range", () => {
  assert.deepEqual(windowOf(0, 100, 1000), { black: 99.5, white: 100.5 });
  assert.deepEqual(changed({ black: 0, white: 10 }, -5, 0, 1000), { black: 4.5, white: 5.5 });
});

test("dragging right widens around the level, up lifts the level and keeps the width", () => {
  assert.deepEqual(changed({ black: 0, white: 100 }, 0.1, 0, 1000), { black: -50, white: 150 });
  assert.deepEqual(changed({ black: 0, white: 100 }, 0, 0.1, 1000), { black: 100, white: 200 });
});

test("the range is that of the whole stack, and never nothing", () => {
  assert.equal(rangeOf({ windows: { "Whole range": [5, 105] } }), 100);
  assert.equal(rangeOf({ windows: { "Whole range": [5, 5] } }), 1);
});
