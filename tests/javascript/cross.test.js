import assert from "node:assert/strict";
import { test } from "node:test";

import { stepped, usesCross } from "../../asemble/ui/viewer/cross.js";
import { coronal, isNear } from "./stacks.js";

test("the cross begins in the middle and goes two millimetres a step, in rows as in columns", () => {
  const data = coronal({ rows: 41, columns: 31, pixel: [0.5, 1] });
  assert.ok(isNear(stepped(data, null, [1, 0]), [24, 15]));
  assert.ok(isNear(stepped(data, null, [0, -1]), [20, 13]));
});

test("the cross stays on the slice", () => {
  const data = coronal({ rows: 10, columns: 10 });
  assert.deepEqual(stepped(data, [0, 0], [-1, 0]), [0, 0]);
  assert.deepEqual(stepped(data, [9, 8.7], [0, 1]), [9, 9]);
});

test("only joints and marks are clicked by keyboard", () => {
  assert.deepEqual(["window", "pan", "joints", "mark"].map((tool) => usesCross({ tool })), [false, false, true, true]);
});
