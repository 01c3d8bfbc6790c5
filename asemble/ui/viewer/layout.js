// Which panes are shown, and where: CSS grid lines, told by the number of panes and the stage's shape.

/** @type {Record<Layout, { shows: number, needs: number, words: string, key: string }>} */
export const LAYOUTS = {
  "1": { shows: 1, needs: 2, words: "One pane", key: "5" },
  "1+1": { shows: 2, needs: 2, words: "Two panes", key: "6" },
  "2×2": { shows: 4, needs: 3, words: "Four panes", key: "7" },
  "1+3": { shows: 4, needs: 3, words: "One large pane and three", key: "8" },
  rows: { shows: 8, needs: 2, words: "A row for each time point", key: "9" },
};
export const ALL_LAYOUTS = /** @type {Layout[]} */ (Object.keys(LAYOUTS));

/**
 * The panes that the layout shows, the first ones; one alone where a pane is maximised.
 * @type {(viewer: Pick<Viewer, "panes" | "layout" | "maximised">) => Pane[]}
 */
export const shownPanes = ({ panes, layout, maximised }) => (maximised ? [maximised] : panes.slice(0, LAYOUTS[layout].shows));

/**
 * Lines of a CSS grid, and the area of each pane in it.
 * @type {(layout: Layout, rows: string[], isTall: boolean) => { columns: string, rows: string, areas: string[] }}
 */
export function gridOf(layout, rows, isTall) {
  const count = rows.length;
  if (layout === "rows") return timePoints(rows);
  if (layout === "1+3" && count > 1) {
    const [large, small] = ["minmax(0, 3fr) minmax(0, 1fr)", fractions(count - 1)];
    const beside = rows.slice(1).map((_, k) => (isTall ? `2 / ${k + 1}` : `${k + 1} / 2`));
    return isTall
      ? { columns: small, rows: large, areas: [`1 / 1 / 2 / ${count}`, ...beside] }
      : { columns: large, rows: small, areas: [`1 / 1 / ${count} / 2`, ...beside] };
  }
  if (count < 3) {
    const line = isTall ? { columns: fractions(1), rows: fractions(count) } : { columns: fractions(count), rows: fractions(1) };
    return { ...line, areas: rows.map((_, k) => (isTall ? `${k + 1} / 1` : `1 / ${k + 1}`)) };
  }
  const areas = rows.map((_, k) => `${Math.floor(k / 2) + 1} / ${(k % 2) + 1}`);
  if (count === 3) areas[2] = "2 / 1 / 3 / 3"; // no gap beside the last
  return { columns: fractions(2), rows: fractions(2), areas };
}

/** @type {(count: number) => string} */
const fractions = (count) => `repeat(${Math.max(count, 1)}, minmax(0, 1fr))`;

/**
 * The panes of one label side by side, the labels below each other, in the order that they come in.
 * @type {(labels: string[]) => { columns: string, rows: string, areas: string[] }}
 */
function timePoints(labels) {
  const rows = [...new Set(labels)];
  const areas = labels.map((label, k) => `${rows.indexOf(label) + 1} / ${labels.slice(0, k + 1).filter((each) => each === label).length}`);
  const widest = Math.max(...rows.map((row) => labels.filter((label) => label === row).length));
  return { columns: fractions(widest), rows: fractions(rows.length), areas };
}
