// What mouse, pen, fingers and wheel do in a pane.

import { maximise } from "./hanging.js";
import { draftOf, gripAt, layEnd, layLine, movePoint } from "./joints.js";
import { pressed } from "./keys.js";
import { markAt } from "./marks.js";
import { drawn, isKind, letGo, waitsForArm } from "./measuring.js";
import { changeWindow, hasArrived, keepWindow, zoomAt } from "./pane.js";
import { moveTo, redraw, refresh } from "./screen.js";
import { fromMiddle, inCanvas, moved, pinched, placeUnder } from "./viewport.js";

const WHEEL_STEP = 40; // of deltaY for one slice, so that a trackpad does not race
const TOUCH_STEP = 14; // pixels of one finger for one slice
const DRAG_SHARE = 0.0025; // of the range of the series for one pixel of dragging
const MOVED = 4; // pixels from which on a click is a drag
const [DOUBLE_MS, DOUBLE_APART] = [350, 24]; // of the second click or tap, from the first
const CLICKED = ["joints", "mark", "angle"]; // tools of which two clicks are two

/** @type {(viewer: Viewer, pane: Pane) => void} */
export function listen(viewer, pane) {
  const { canvas, scrubber } = pane.parts;
  scrubber.oninput = () => moveTo(viewer, pane, Number(scrubber.value));
  canvas.onfocus = () => {
    if (viewer.active === pane) return;
    viewer.active = pane;
    refresh(viewer);
  };
  canvas.onpointerenter = () => { if (!isTyping(canvas)) canvas.focus({ preventScroll: true }); };
  canvas.onkeydown = (event) => pressed(viewer, pane, event);
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      zoomAt(pane, Math.exp(-event.deltaY / 300), fromMiddle(pane, event));
      redraw(viewer);
      return;
    }
    pane.wheel += event.deltaY;
    const steps = Math.trunc(pane.wheel / WHEEL_STEP);
    if (!steps) return;
    pane.wheel = 0;
    moveTo(viewer, pane, pane.index + Math.sign(steps));
  }, { passive: false });
  canvas.onpointerdown = (event) => {
    if (!hasArrived(pane)) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pane.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    pane.drag = dragOf(viewer, pane, event);
  };
  canvas.onpointermove = (event) => {
    pane.over = inCanvas(pane, event);
    const last = pane.pointers.get(event.pointerId);
    if (!last || !pane.drag || !hasArrived(pane)) return;
    dragged(viewer, pane, pane.drag, event, last);
    pane.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    redraw(viewer);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!pane.pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && pane.drag) dropped(viewer, pane, pane.drag, event);
    pane.drag = null;
    redraw(viewer);
  };
}

/**
 * Whether the reader is in a field, or a dialog: then hovering takes the keys from nothing.
 * @type {(canvas: Element) => boolean}
 */
function isTyping(canvas) {
  const here = /** @type {ShadowRoot | Document} */ (canvas.getRootNode());
  return [document.activeElement, here.activeElement].some((each) => each?.matches("input:not([type=range]), textarea, select, dialog, dialog *, [contenteditable]"));
}

/**
 * Whether this click or tap is the second of two; browsers tell no double tap where nothing scrolls.
 * @type {(pane: Pane, event: PointerEvent) => boolean}
 */
function isSecond(pane, { clientX: x, clientY: y, timeStamp: at }) {
  const before = pane.clicked;
  const isSoon = before !== null && at - before.at < DOUBLE_MS && Math.hypot(x - before.x, y - before.y) < DOUBLE_APART;
  pane.clicked = isSoon ? null : { at, x, y };
  return isSoon;
}

/**
 * What a drag that begins here will do.
 * @type {(viewer: Viewer, pane: Pane, event: PointerEvent) => Drag}
 */
function dragOf(viewer, pane, event) {
  const begun = { from: placeUnder(pane, event), x: event.clientX, y: event.clientY, travelled: 0 };
  if (pane.pointers.size > 1) {
    pane.drawing = null;
    return { ...begun, act: "pinch" };
  }
  if (event.button === 1 || event.shiftKey) return { ...begun, act: "pan" };
  if (event.button === 2) return { ...begun, act: "window" };
  if (viewer.tool === "window") return { ...begun, act: event.pointerType === "touch" ? "scroll" : "window" };
  if (viewer.tool === "joints") return { ...begun, act: "joints", grip: pane.data.marking && gripAt(pane, inCanvas(pane, event)) };
  const isSecond = viewer.tool === "angle" && waitsForArm(pane);
  if (!isSecond) pane.drawing = null;
  return { ...begun, act: viewer.tool, isSecond };
}

/** @type {(viewer: Viewer, pane: Drawn, drag: Drag, event: PointerEvent, last: Point) => void} */
function dragged(viewer, pane, drag, event, last) {
  const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
  drag.travelled = Math.max(drag.travelled, Math.hypot(event.clientX - drag.x, event.clientY - drag.y));
  const here = placeUnder(pane, event);
  const { act } = drag;
  if (isKind(act)) {
    pane.drawing = drawn(pane, act, drag, here);
    return;
  }
  const acts = {
    window: () => changeWindow(pane, dx * DRAG_SHARE, -dy * DRAG_SHARE),
    pan: () => { Object.assign(pane, moved(pane, dx, dy)); },
    pinch: () => pinch(pane, event, last),
    scroll: () => {
      pane.wheel += dy;
      if (Math.abs(pane.wheel) < TOUCH_STEP) return;
      moveTo(viewer, pane, pane.index + Math.sign(pane.wheel));
      pane.wheel = 0;
    },
    joints: () => { if (drag.grip) movePoint(pane, drag.grip, here); },
    mark: () => {},
  };
  acts[act]();
}

/** @type {(pane: Pane, event: PointerEvent, last: Point) => void} */
function pinch(pane, event, last) {
  const other = [...pane.pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (!other) return;
  /** @type {(point: Point) => Point} */
  const middled = ([clientX, clientY]) => fromMiddle(pane, { clientX, clientY });
  Object.assign(pane, pinched(pane, middled(last), fromMiddle(pane, event), middled(other)));
}

/** @type {(viewer: Viewer, pane: Pane, drag: Drag, event: PointerEvent) => void} */
function dropped(viewer, pane, drag, event) {
  const isClick = drag.travelled < MOVED;
  if (drag.act === "window" && !isClick) keepWindow(pane);
  if (isKind(drag.act) && drag.isSecond) pane.drawing = drawn(pane, drag.act, drag, placeUnder(pane, event));
  if (isKind(drag.act)) letGo(viewer, pane, drag, isClick);
  if (isClick && !CLICKED.includes(drag.act) && isSecond(pane, event)) {
    maximise(viewer, pane);
    refresh(viewer);
  }
  if (drag.act === "mark" && isClick) markAt(viewer, pane, placeUnder(pane, event));
  if (drag.act !== "joints" || !pane.data.marking) return;
  if (drag.grip) draftOf(pane, drag.grip.joint) && layLine(viewer, pane, drag.grip.joint);
  else if (isClick) layEnd(viewer, pane, placeUnder(pane, event));
}
