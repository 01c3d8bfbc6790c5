import assert from "node:assert/strict";
import { test } from "node:test";

import { isOffered } from "../../asemble/ui/viewer/hanging.js";
import { ALL_LAYOUTS, gridOf, LAYOUTS, shownPanes } from "../../asemble/ui/viewer/layout.js";

const none = (count) => Array(count).fill("");

/** The cells of an area, as "row / column" or "row / column / end / end". */
function cellsOf(area) {
  const [row, column, rowEnd = row + 1, columnEnd = column + 1] = area.split(" / ").map(Number);
  const cells = [];
  for (let r = row; r < rowEnd; r++) for (let c = column; c < columnEnd; c++) cells.push(`${r},${c}`);
  return cells;
}
const tracks = (line) => Number(/repeat\((\d+)/.exec(line)?.[1] ?? line.split("minmax").length - 1);

test("no two panes share a cell, and no cell stays empty but in rows of unequal length", () => {
  for (const layout of ALL_LAYOUTS) {
    for (let count = 1; count <= LAYOUTS[layout].shows; count++) {
      for (const isTall of [false, true]) {
        const { columns, rows, areas } = gridOf(layout, none(count), isTall);
        const cells = areas.flatMap(cellsOf);
        assert.equal(areas.length, count);
        assert.equal(new Set(cells).size, cells.length);
        assert.equal(cells.length, tracks(columns) * tracks(rows), `${layout} of ${count}`);
      }
    }
  }
});

test("two panes stand side by side on a wide stage and below each other on a tall one", () => {
  assert.deepEqual(gridOf("1+1", none(2), false).areas, ["1 / 1", "1 / 2"]);
  assert.deepEqual(gridOf("1+1", none(2), true).areas, ["1 / 1", "2 / 1"]);
});

test("panes of one time point stand in one row, in the order of their columns", () => {
  const { columns, rows, areas } = gridOf("rows", ["Current", "Current", "Prior", "Prior"], false);
  assert.deepEqual(areas, ["1 / 1", "1 / 2", "2 / 1", "2 / 2"]);
  assert.deepEqual([tracks(columns), tracks(rows)], [2, 2]);
  assert.deepEqual(gridOf("rows", ["Current", "Current", "Prior"], false).areas, ["1 / 1", "1 / 2", "2 / 1"]);
});

test("a layout shows its first panes, and one alone while that is maximised", () => {
  const panes = ["a", "b", "c"].map((id) => ({ data: { id, row: "" } }));
  assert.deepEqual(shownPanes({ panes, layout: "1+1", maximised: null }), panes.slice(0, 2));
  assert.deepEqual(shownPanes({ panes, layout: "1+1", maximised: panes[2] }), [panes[2]]);
  assert.ok(isOffered({ panes }, "2×2") && !isOffered({ panes }, "rows"));
  assert.ok(!isOffered({ panes: panes.slice(0, 1) }, "1"));
});
