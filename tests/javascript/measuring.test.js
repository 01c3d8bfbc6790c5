import assert from "node:assert/strict";
import { test } from "node:test";

import { drawn, measuresOf, waitsForArm } from "../../asemble/ui/viewer/measuring.js";
import { isKeyImage } from "../../asemble/ui/viewer/screen.js";

const paneOf = (more = {}) => ({ index: 2, drawing: null, data: { id: "s01", measures: [], key_slices: [] }, ...more });
const RULER = { number: 4, kind: "ruler", slice: 2, points: [[0, 0], [1, 1]], text: "" };

test("what was drawn is shown until the server has heard of it, and what was taken away no more", () => {
  const pane = paneOf({ data: { id: "s01", measures: [RULER] } });
  const { number: _, ...drawnNow } = { ...RULER, measure: 5, slice: 3 };
  const queue = [
    { number: 1, what: "measure", series: "s01", ...drawnNow }, { number: 2, what: "measure", series: "s02", ...drawnNow },
    { number: 3, what: "unmeasure", series: "s01", gone: [4] },
  ];
  assert.deepEqual(measuresOf({ queue: [] }, pane), [RULER]);
  assert.deepEqual(measuresOf({ queue }, pane), [{ ...RULER, number: 5, slice: 3 }]);
  queue.push({ number: 4, what: "unmeasure", series: "s01", gone: [5] });
  assert.deepEqual(measuresOf({ queue }, pane), []);
});

test("an angle takes its vertex and one arm from the first drag, the other from the second", () => {
  const pane = paneOf();
  pane.drawing = drawn(pane, "angle", { from: [5, 5] }, [5, 9]);
  assert.deepEqual(pane.drawing.points, [[5, 9], [5, 5]]);
  assert.ok(waitsForArm(pane));
  assert.deepEqual(drawn(pane, "angle", { from: [8, 8], isSecond: true }, [9, 5]).points, [[5, 9], [5, 5], [9, 5]]);
  assert.ok(!waitsForArm({ ...pane, index: 3 }));
});

test("a slice said to go on the report does, and said again does not", () => {
  const said = { what: "key", series: "s01", slice: 2 };
  assert.ok(!isKeyImage({ queue: [] }, paneOf()));
  assert.ok(isKeyImage({ queue: [said] }, paneOf()));
  assert.ok(!isKeyImage({ queue: [said] }, paneOf({ data: { id: "s01", key_slices: [2] } })));
});
