import assert from "node:assert/strict";
import { test } from "node:test";

import { areLinkable, areLinkableByHand, hasPair, linkByHand, linkedSlice, linkWords, slicesOf } from "../../asemble/ui/viewer/linking.js";
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
