import assert from "node:assert/strict";
import { test } from "node:test";

import { areLevellable, areLinkable, areLinkableByHand, hasPair, levelled, linkByHand, linkedSlice, linkWords, slicesOf } from "../../asemble/ui/viewer/linking.js";
import { axial, coronal } from "./stacks.js";

const viewerOf = (...all) => ({
  linked: true,
  linkedByHand: false,
  panes: all.map((data, number) => ({ data, number, index: 4, anchor: 4 })),
});
const ELSEWHERE = { frame: "9.9.9" };

test("panes of one plane and one frame of reference move together by millimetres", () => {
  const viewer = viewerOf(coronal({ step: 4 }), coronal({ step: -2 }));
  const [one, other] = viewer.panes;
  one.index = 5;
  assert.equal(linkedSlice(viewer, one, other), 2); // 4 mm on
  viewer.linked = false;
  assert.equal(linkedSlice(viewer, one, other), null);
});

test("panes of other planes, or of other frames of reference, stay", () => {
  for (const other of [axial(), coronal(ELSEWHERE), coronal({ frame: null })]) {
    const viewer = viewerOf(coronal(), other);
    assert.equal(linkedSlice(viewer, ...viewer.panes), null);
  }
});

test("files that state no frame of reference share none, not even with each other", () => {
  const [one, other] = [coronal({ frame: null }), coronal({ frame: null })];
  assert.ok(!areLinkable(one, other));
  assert.ok(areLinkableByHand(one, other));
});

test("panes linked by hand keep the distance in millimetres that they had", () => {
  const viewer = viewerOf(coronal({ step: 4 }), coronal({ ...ELSEWHERE, slices: 30, step: 2 }));
  const [one, other] = viewer.panes;
  other.index = 10;
  linkByHand(viewer, true);
  one.index = 6; // 8 mm on
  assert.equal(linkedSlice(viewer, one, other), 14);
  one.index = 0;
  assert.equal(linkedSlice(viewer, one, other), 2);
});

test("panes linked by hand stop at their ends", () => {
  const viewer = viewerOf(coronal({ slices: 30 }), coronal({ ...ELSEWHERE, slices: 9 }));
  const [one, other] = viewer.panes;
  linkByHand(viewer, true);
  one.index = 29;
  assert.equal(linkedSlice(viewer, one, other), 8);
});

test("stacks that run against each other move in one direction of the patient", () => {
  assert.equal(slicesOf(coronal({ step: -4 }), coronal({ step: 4 })), -1);
  assert.equal(slicesOf(coronal({ step: 2 }), coronal({ step: 4 })), 2);
  assert.equal(slicesOf({ ...coronal(), affine: null }, coronal()), 1);
});

test("a pair is looked for among all panes", () => {
  const { panes } = viewerOf(coronal(), axial(), coronal());
  assert.ok(hasPair(panes, areLinkable));
  assert.ok(!hasPair(panes.slice(0, 2), areLinkable));
});

test("a pane says which others it is not linked to, and why", () => {
  const viewer = viewerOf(coronal(), coronal(ELSEWHERE), axial(ELSEWHERE));
  const [one, two] = viewer.panes;
  assert.equal(
    linkWords(viewer, one),
    "Not linked to pane 2, no reference lines of pane 3: the files state no common frame of reference.",
  );
  assert.match(linkWords(viewer, two), /^Not linked to pane 1: /);
  linkByHand(viewer, true);
  assert.match(linkWords(viewer, one), /^Linked by hand to pane 2, /);
  assert.equal(linkWords(viewerOf(coronal(), axial()), viewerOf(coronal()).panes[0]), linkWords(viewerOf(), one));
});

const timePoints = () => viewerOf(
  coronal({ id: "now", offset_mm: 0 }), coronal({ id: "then", ...ELSEWHERE, offset_mm: 0, step: -2, slices: 18 }),
  axial({ id: "other", ...ELSEWHERE, offset_mm: 0 }),
);

test("series of two time points with offsets move together by millimetres, whichever way they run", () => {
  const viewer = timePoints();
  const [now, then] = viewer.panes;
  now.index = 5; // 4 mm behind the middle
  assert.equal(linkedSlice(viewer, now, then), 6); // 5 mm behind its own, the nearer of two
  then.data.offset_mm = -8;
  assert.equal(linkedSlice(viewer, now, then), 2);
  assert.ok(areLevellable(now.data, then.data) && !areLinkableByHand(now.data, then.data));
});

test("another examination may be tilted against this one by fifteen degrees, not by thirty", () => {
  const [now, tilted, turned] = [0, 15, 30].map((tilt) => coronal({ tilt, offset_mm: 0 }));
  assert.ok(areLinkable(now, { ...tilted, frame: "P1" }) && !areLinkable(now, { ...turned, frame: "P1" }));
  assert.ok(!areLinkable(now, tilted)); // of one examination: a series of its own
});

test("same level here: the slices that stand side by side are of one level from then on", () => {
  const viewer = timePoints();
  const [now, then, other] = viewer.panes;
  [now.index, then.index] = [2, 11];
  const offsets = levelled(viewer.panes, now);
  assert.deepEqual(Object.keys(offsets).sort(), ["other", "then"]); // of one frame, the same
  assert.equal(offsets.then, offsets.other);
  for (const { data } of [then, other]) data.offset_mm = offsets[data.id];
  assert.equal(linkedSlice(viewer, now, then), 11);
  assert.equal(linkedSlice(viewer, then, now), 2);
  assert.equal(linkWords(viewer, then), "");
});
