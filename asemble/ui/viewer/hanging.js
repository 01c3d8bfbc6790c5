// Which series hang in which panes, and how the panes are laid out.

import { ALL_LAYOUTS, gridOf, LAYOUTS, shownPanes } from "./layout.js";
import { recall, remember } from "./memory.js";
import { say } from "./say.js";

const NARROW = 640; // pixels of a window that shows one pane whatever was chosen before
const [BELOW, BELOW_NARROW] = [40, 8]; // pixels left for what follows, so that a reader sees that there is more
const LEAST_SHARE = 0.6; // of the window, where the viewer begins far down

/** @type {(viewer: Viewer, layout: Layout) => void} */
export function chooseLayout(viewer, layout) {
  Object.assign(viewer, { layout, maximised: null });
  if (layout !== "rows") remember({ layout });
  layOut(viewer);
}

/**
 * What is shown at first: all panes where no series can be hung in them, a row a time point where there
 * are several, else as this browser remembers.
 * @type {(viewer: Viewer) => void}
 */
export function firstLayout(viewer) {
  const { layout } = recall();
  const hasRows = viewer.panes.some((pane) => pane.data.row);
  viewer.isNarrow = globalThis.innerWidth < NARROW;
  if (viewer.offers === null && !hasRows) viewer.layout = "1+1";
  else if (viewer.isNarrow) viewer.layout = "1";
  else if (hasRows) viewer.layout = "rows";
  else viewer.layout = layout && layout !== "rows" && ALL_LAYOUTS.includes(layout) ? layout : "1+1";
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
export function maximise(viewer, pane) {
  viewer.maximised = viewer.maximised ? null : pane;
  viewer.active = pane;
  layOut(viewer);
}

/**
 * Put the panes where the layout has them.
 * @type {(viewer: Viewer) => void}
 */
export function layOut(viewer) {
  const { stage, panes } = viewer;
  const shown = shownPanes(viewer);
  const isTall = stage.clientHeight > stage.clientWidth;
  const grid = gridOf(viewer.maximised ? "1" : viewer.layout, shown.map((pane) => pane.data.row), isTall);
  Object.assign(stage.style, { gridTemplateColumns: grid.columns, gridTemplateRows: grid.rows });
  panes.forEach((pane, k) => {
    pane.number = k;
    pane.parts.box.hidden = !shown.includes(pane);
    pane.parts.box.style.gridArea = grid.areas[shown.indexOf(pane)] ?? "";
  });
  if (!viewer.active || !shown.includes(viewer.active)) viewer.active = shown[0] ?? null;
}

/**
 * Show a series in a pane; where it hangs already, the two panes change places. The server brings
 * what it has not sent yet.
 * @type {(viewer: Viewer, pane: Pane, series: string) => void}
 */
export function hang(viewer, pane, series) {
  const order = viewer.panes.map((each) => each.data.id);
  const [to, from] = [viewer.panes.indexOf(pane), order.indexOf(series)];
  if (to === from || to < 0) return;
  if (from >= 0) {
    order[from] = order[to];
    const other = viewer.panes[from];
    viewer.panes[from] = pane;
    viewer.panes[to] = other;
    if (viewer.maximised) viewer.maximised = other;
    viewer.active = other;
    layOut(viewer);
  }
  order[to] = series;
  say(viewer, { what: "hang", order });
}

/**
 * The window or what stands above has another size: a tablet turned, a phone.
 * @type {(viewer: Viewer) => void}
 */
export function resize(viewer) {
  if (viewer.isNarrow !== globalThis.innerWidth < NARROW) firstLayout(viewer);
  fit(viewer);
  layOut(viewer);
}

/**
 * The height from where the viewer begins to the end of the window.
 * @type {(viewer: Viewer) => void}
 */
function fit({ root }) {
  const host = /** @type {ShadowRoot} */ (root.getRootNode()).host ?? root;
  const main = host.closest('[data-testid="stMain"]') ?? document.documentElement;
  const top = root.getBoundingClientRect().top + main.scrollTop;
  const below = globalThis.innerWidth < NARROW ? BELOW_NARROW : BELOW;
  const room = Math.max(globalThis.innerHeight - top - below, LEAST_SHARE * globalThis.innerHeight);
  root.style.setProperty("--room", `${Math.floor(room)}px`);
}

/** @type {(viewer: Pick<Viewer, "panes" | "offers">, layout: Layout) => boolean} */
export function isOffered({ panes, offers }, layout) {
  if (offers === null) return false;
  const hasRows = panes.some((pane) => pane.data.row);
  return layout === "rows" ? hasRows : panes.length >= LAYOUTS[layout].needs;
}
