// Where the reader left each series. The browser remembers it from page to page, since a reader may
// leave faster than the server hears of it: the next viewer goes on from there and tells. Only a
// jump that the server made since then counts for more.

const places = (globalThis.asemblePlaces ??= new Map());

/** @type {(pane: Pick<Pane, "jump" | "index"> & { data: Pick<PaneData, "place" | "jump" | "start"> }) => void} */
export function findPlace(pane) {
  const { place, jump, start } = pane.data;
  if (pane.jump === jump) return;
  const left = places.get(place);
  pane.index = left?.jump === jump ? left.index : start;
  pane.jump = jump;
}

/** @type {(viewer: { panes: (Pick<Pane, "jump" | "index"> & { data: Pick<PaneData, "place"> })[] }) => void} */
export function keepPlaces(viewer) {
  for (const { data, index, jump } of viewer.panes) places.set(data.place, { index, jump });
}

/**
 * The server hears of the slices when the reader rests on them, and before the reader leaves.
 * @type {(viewer: Viewer) => void}
 */
export function restLater(viewer) {
  forgetRest(viewer);
  if (viewer.restsMs) viewer.rests = setTimeout(() => rest(viewer), viewer.restsMs);
}

/** @type {(viewer: Viewer) => void} */
export function forgetRest(viewer) {
  if (viewer.rests !== null) clearTimeout(viewer.rests);
  viewer.rests = null;
}

/** @type {(viewer: Viewer) => void} */
export function rest(viewer) {
  if (!viewer.rests) return;
  forgetRest(viewer);
  if (!viewer.root.isConnected) return; // a viewer that is gone would call its page back
  viewer.rested(Object.fromEntries(viewer.panes.map((pane) => [pane.data.id, pane.index])));
}
