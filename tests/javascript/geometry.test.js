import assert from "node:assert/strict";
import { test } from "node:test";

import { areParallel, cutLine, distanceMm, dot, matchingSlice, normalOf, pointOf } from "../../asemble/ui/viewer/geometry.js";
import { axial, coronal, isNear, numbers } from "./stacks.js";

test("slices of one plane are matched by millimetres, whatever their spacing and direction", () => {
  const [first, second] = [coronal({ slices: 24, step: 4 }), coronal({ slices: 18, step: -5.3 })];
  for (let index = 0; index < first.slices; index++) {
    const mm = (index - 11.5) * 4;
    const nearest = Math.round(8.5 - mm / 5.3);
    assert.equal(matchingSlice(first, index, second), Math.min(Math.max(nearest, 0), 17));
  }
});

test("a stack of another matrix and field of view is matched all the same", () => {
  const [wide, narrow] = [coronal({ rows: 64, pixel: [4, 4] }), coronal({ rows: 512, columns: 400, pixel: [0.4, 0.5] })];
  for (let index = 0; index < 9; index++) assert.equal(matchingSlice(wide, index, narrow), index);
});

test("of a tilted stack the slice nearest to the middle of the other's is taken", () => {
  const [straight, tilted] = [coronal({ tilt: 0 }), coronal({ tilt: 4 })];
  for (let index = 0; index < 9; index++) assert.equal(matchingSlice(straight, index, tilted), index);
});

test("stacks are parallel up to five degrees, also those that run the other way", () => {
  assert.ok(areParallel(coronal(), coronal({ tilt: 5 })));
  assert.ok(!areParallel(coronal(), coronal({ tilt: 5.3 })));
  assert.ok(areParallel(coronal(), coronal({ step: -4 })));
  assert.ok(!areParallel(coronal(), axial()));
});

test("without geometry nothing is parallel and nothing is cut", () => {
  const unknown = { ...coronal(), affine: null };
  assert.ok(!areParallel(unknown, coronal()) && !areParallel(coronal(), unknown));
  assert.equal(cutLine(unknown, 0, axial(), 0), null);
  assert.equal(cutLine(axial(), 0, unknown, 0), null);
  assert.equal(matchingSlice(unknown, 3, coronal()), 0);
});

test("an axial slice cuts a coronal one in a row, from edge to edge", () => {
  const ends = cutLine(coronal(), 4, axial(), 6); // 8 mm above the middle, which lies at row 19.5
  assert.ok(isNear(ends.flat().sort((a, b) => a - b), [-0.5, 15.5, 15.5, 29.5]));
});

test("the line lies in both slices and ends at the edges, whatever the obliquity", () => {
  const random = numbers(7);
  for (let k = 0; k < 200; k++) {
    const one = coronal({ tilt: 70 * random(), pixel: [1 + random(), 1 + random()] });
    const other = axial({ step: random() < 0.5 ? 3 : -3 });
    const [mine, theirs] = [Math.floor(9 * random()), Math.floor(9 * random())];
    const ends = cutLine(one, mine, other, theirs);
    if (!ends) continue;
    const normal = normalOf(other.affine);
    const at = dot(normal, pointOf(other.affine, theirs, 0, 0));
    for (const [row, column] of ends) {
      assert.ok(isNear(dot(normal, pointOf(one.affine, mine, row, column)), at));
      const isAtEdge = [row === -0.5, row === one.rows - 0.5, column === -0.5, column === one.columns - 0.5];
      assert.ok(isAtEdge.includes(true));
    }
  }
});

test("nearly parallel slices and slices that do not meet have no line", () => {
  assert.equal(cutLine(coronal(), 4, coronal({ tilt: 10 }), 4), null);
  assert.ok(cutLine(coronal(), 4, coronal({ tilt: 12 }), 4));
  assert.equal(cutLine(coronal(), 4, axial({ step: 100 }), 8), null);
});

test("a distance counts millimetres of rows and columns apart", () => {
  assert.equal(distanceMm([0.5, 2], [10, 3], [16, 1]), 5); // 3 mm down, 4 mm across
  assert.equal(distanceMm([1, 1], [0, 0], [3, 4]), 5);
  assert.equal(distanceMm([0.7, 0.7], [5, 5], [5, 5]), 0);
});
