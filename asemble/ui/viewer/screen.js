// From what the reader did to what the screen shows: words and controls at once, pixels with the
// next frame.

import { draw } from "./drawing.js";
import { jointWords, quadrantWords } from "./joints.js";
import { shownPanes } from "./layout.js";
import { linkedSlice, linkWords } from "./linking.js";
import { markWords, showStrip } from "./marks.js";
import { measuredWords } from "./measure.js";
import { measuresOf } from "./measuring.js";
import { showLegend } from "./outlines.js";
import { hasArrived } from "./pane.js";
import { keepPlaces, restLater } from "./places.js";

/** @type {(viewer: Viewer, pane: Pane, index: number) => void} */
export function moveTo(viewer, pane, index) {
  pane.index = Math.min(Math.max(index, 0), pane.data.slices - 1);
  for (const other of viewer.panes) {
    if (other !== pane) other.index = linkedSlice(viewer, pane, other) ?? other.index;
  }
  keepPlaces(viewer);
  refresh(viewer);
  restLater(viewer);
}

/** @type {(viewer: Viewer) => void} */
export function refresh(viewer) {
  showControls(viewer);
  showLegend(viewer);
  viewer.panes.forEach((pane) => showWords(viewer, pane));
  redraw(viewer);
}

/** @type {(button: HTMLElement, isPressed: boolean) => void} */
const press = (button, isPressed) => button.setAttribute("aria-pressed", String(isPressed));

/** @type {(viewer: Viewer) => void} */
function showControls(viewer) {
  const { parts, heat, active, shelf } = viewer;
  const shown = shownPanes(viewer);
  const ids = shown.map((pane) => pane.data.id);
  for (const { id, button } of shelf.buttons) press(button, ids.includes(id));
  for (const [layout, button] of Object.entries(parts.layouts)) press(button, viewer.layout === layout && !viewer.maximised);
  for (const pane of viewer.panes) pane.parts.box.classList.toggle("active", pane === active && shown.length > 1);
  for (const [tool, button] of Object.entries(parts.tools)) press(button, viewer.tool === tool);
  press(parts.linked, viewer.linked);
  press(parts.linkedByHand, viewer.linkedByHand);
  press(parts.cine, viewer.cine !== null);
  press(parts.invert, Boolean(active?.inverted));
  press(parts.keyImage, active !== null && isKeyImage(viewer, active));
  parts.heatOn.checked = heat.on;
  parts.bones.checked = viewer.outlined.bones;
  parts.oedema.checked = viewer.outlined.oedema;
  parts.opacity.value = String(heat.opacity);
  parts.threshold.value = String(heat.threshold);
  parts.thresholdValue.textContent = heat.threshold.toFixed(2);
  const hasHeat = viewer.panes.some((pane) => pane.heat);
  for (const control of [parts.heatOn, parts.opacity, parts.threshold, parts.contour]) control.disabled = !hasHeat;
  const names = Object.keys(active?.stack?.windows ?? {});
  if (parts.preset.options.length !== names.length) parts.preset.replaceChildren(...names.map((name) => new Option(name)));
}

/**
 * Whether the slice goes on the report, as the server knows and as was said since.
 * @type {(viewer: Pick<Viewer, "queue">, pane: Pick<Pane, "index"> & { data: Pick<PaneData, "id" | "key_slices"> }) => boolean}
 */
export function isKeyImage({ queue }, { data, index }) {
  const changes = queue.filter((said) => said.what === "key" && said.series === data.id && said.slice === index).length;
  return data.key_slices.includes(index) !== (changes % 2 === 1);
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
function showWords(viewer, pane) {
  const { data, index, parts } = pane;
  const place = data.places[index];
  const slice = `${index + 1} of ${data.slices}`;
  parts.place.textContent = `Slice ${slice}${place ? ", " + place : ""}`;
  parts.linkWord.textContent = linkWords({ ...viewer, panes: shownPanes(viewer) }, pane);
  parts.keyWord.hidden = !isKeyImage(viewer, pane);
  parts.scrubber.value = String(index);
  parts.absent.hidden = hasArrived(pane);
  parts.canvas.dataset.slice = String(index);
  parts.canvas.setAttribute("aria-label", `${data.title}, slice ${slice}`);
}

/** @type {(viewer: Viewer) => void} */
export function redraw(viewer) {
  viewer.frame ??= requestAnimationFrame(() => {
    viewer.frame = null;
    for (const pane of shownPanes(viewer)) {
      draw(viewer, pane);
      showStrip(viewer, pane);
      if (hasArrived(pane)) pane.parts.measured.textContent = [toolWords(viewer, pane), ...markWords(viewer, pane)].filter(Boolean).join(" ");
    }
  });
}

/** @type {(viewer: Viewer, pane: Drawn) => string} */
function toolWords(viewer, pane) {
  const { tool } = viewer;
  if (tool === "joints") return jointWords(pane);
  return tool === "mark" ? quadrantWords(pane) : measuredWords(pane, measuresOf(viewer, pane));
}
