import assert from "node:assert/strict";
import { test } from "node:test";

import { contour } from "../../asemble/ui/viewer/contour.js";
import { isNear, numbers } from "./stacks.js";

const piecesOf = (values, rows, columns, least) => {
  const pieces = [];
  contour(values, rows, columns, least, (from, to) => pieces.push([from, to]));
  return pieces;
};

test("a line runs where the value would be reached between two pixels", () => {
  const pieces = piecesOf([0, 100, 0, 100, 0, 100], 3, 2, 25);
  assert.equal(pieces.length, 2);
  for (const [row, column] of pieces.flat()) {
    assert.ok(isNear(column, 0.25));
    assert.equal(row, Math.round(row));
  }
});

test("around whatever does not touch the edge the line is closed", () => {
  const random = numbers(11);
  const side = 12;
  const values = Array.from({ length: side * side }, (_, k) => {
    const [row, column] = [Math.floor(k / side), k % side];
    const isInside = [row, column].every((n) => n > 0 && n < side - 1);
    return isInside ? Math.round(255 * random()) : 0;
  });
  const ends = new Map(); // how many pieces end at a place
  for (const place of piecesOf(values, side, side, 128.5).flat()) {
    const name = place.map((value) => value.toFixed(6)).join();
    ends.set(name, (ends.get(name) ?? 0) + 1);
  }
  assert.ok(ends.size > 20);
  assert.deepEqual(new Set(ends.values()), new Set([2]));
});

test("where everything is above, or below, there is no line", () => {
  assert.deepEqual(piecesOf([9, 9, 9, 9], 2, 2, 5), []);
  assert.deepEqual(piecesOf([1, 1, 1, 1], 2, 2, 5), []);
  assert.deepEqual(piecesOf([9, 9, 9], 1, 3, 5), []);
});

test("two corners across from each other are parted by two pieces", () => {
  assert.equal(piecesOf([9, 0, 0, 9], 2, 2, 5).length, 2);
});
