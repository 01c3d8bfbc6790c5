import assert from "node:assert/strict";
import { test } from "node:test";

import { LETTERS, signOf, signsAt } from "../../asemble/ui/viewer/marks.js";

const MARK = { lesion: "erosion", is_deep: false, is_intense: false, moved: "", place: [5, 5] };
const at = ([row, column]) => [10 * column, 10 * row];

test("a mark shows its lesion, whether it is deep and intense, and that its line has moved", () => {
  assert.equal(signOf(MARK), "E");
  assert.equal(signOf({ ...MARK, lesion: "bone marrow oedema", is_deep: true, is_intense: true }), "Bdi");
  assert.equal(signOf({ ...MARK, moved: "The line has moved" }), "E!");
});

test("no two lesions share a letter", () => {
  assert.equal(new Set(Object.values(LETTERS)).size, Object.keys(LETTERS).length);
});

test("letters stand where they were clicked; at one place they stand side by side", () => {
  const marks = [MARK, { ...MARK, lesion: "sclerosis", place: [5.5, 5.5] }, { ...MARK, lesion: "backfill", place: [8, 5] }];
  assert.deepEqual(signsAt(marks, at, 12), [
    { x: 50, y: 50, signs: ["E", "S"] },
    { x: 50, y: 80, signs: ["K"] },
  ]);
});

test("a mark by words has no place on the slice", () => {
  assert.deepEqual(signsAt([{ ...MARK, place: null }], at, 12), []);
});
