// One pane: its elements, and what pointers, wheel and keys do in it.

const WHEEL_STEP = 40; // of deltaY for one slice, so that a trackpad does not race
const TOUCH_STEP = 14; // pixels of one finger for one slice
const PAGE = 5; // slices of Page Up and Page Down
const DRAG_SHARE = 0.0025; // of the range of the series for one pixel of dragging
const [MIN_ZOOM, MAX_ZOOM] = [0.5, 12];
const MOVED = 4; // pixels from which on a click is a drag
const ARRIVE_WITHIN_MS = 60000;
const ON_THEIR_WAY = "The images are on their way.";
const NOT_ARRIVED = "The images have not arrived. Reload the page.";

function makePane(viewer, root, data, number) {
  const parts = {};
  const make = (tag, name, parent, props = {}) =>
    (parts[name] = parent.appendChild(Object.assign(document.createElement(tag), props)));
  make("div", "box", root, { className: "pane" });
  make("div", "head", parts.box, { className: "head" });
  make("span", "title", parts.head, { className: "title", textContent: data.title });
  make("span", "subtitle", parts.head, { className: "subtitle", textContent: data.subtitle });
  if (data.badge) make("span", "badge", parts.head, { className: "badge", textContent: data.badge });
  make("div", "picture", parts.box, { className: "picture" });
  make("canvas", "canvas", parts.picture, { tabIndex: 0 });
  parts.canvas.setAttribute("role", "img");
  parts.canvas.dataset.series = data.id;
  make("div", "absent", parts.picture, { className: "absent", textContent: data.refused || ON_THEIR_WAY });
  parts.absent.setAttribute("role", "status");
  make("div", "strip", parts.picture, { className: "strip" });
  parts.strip.setAttribute("role", "status");
  make("span", "said", parts.strip, { className: "said" });
  make("span", "question", parts.strip, { hidden: true });
  for (const [what, text] of [["record", "Record it"], ["leave", "Do not record"]]) {
    make("button", what, parts.question, { type: "button", textContent: text });
    parts[what].onclick = () => { answer(viewer, pane, what); parts.canvas.focus({ preventScroll: true }); refresh(viewer); };
  }
  make("div", "row", parts.box, { className: "row" });
  make("span", "place", parts.row, { className: "place" });
  make("input", "scrubber", parts.row, { type: "range", min: 0, max: data.slices - 1 });
  parts.scrubber.setAttribute("aria-label", `Slice of ${data.title}`);
  make("div", "measured", parts.box, { className: "measured" });
  parts.measured.setAttribute("aria-live", "polite");
  make("div", "heatWord", parts.box, { className: "heat-word" });
  make("div", "outlineWord", parts.box, { className: "heat-word" });
  make("div", "linkWord", parts.box, { className: "muted" });
  if (data.unknown) make("div", "unknown", parts.box, { className: "muted", textContent: data.unknown });
  const pane = {
    data, parts, number, index: data.start, drafts: {}, cross: null, held: null,
    zoom: 1, shift: [0, 0], inverted: false, wheel: 0, pointers: new Map(),
    stack: null, heat: null, outlines: null, ruler: null, region: null, reference: null,
  };
  if (!data.refused) setTimeout(() => (parts.absent.textContent = NOT_ARRIVED), ARRIVE_WITHIN_MS);
  listen(viewer, pane);
  pane.watch = new ResizeObserver(() => redraw(viewer));
  pane.watch.observe(parts.canvas);
  return pane;
}

// Take the numbers that have arrived for this pane.
function takeStacks(pane) {
  const stacks = globalThis.asembleStacks ?? new Map();
  const stack = stacks.get(pane.data.stack) ?? null;
  if (stack && stack !== pane.stack) {
    const isNew = pane.stack?.key !== stack.key;
    pane.stack = stack;
    if (isNew) setPreset(pane, Object.keys(stack.windows)[0]);
  }
  pane.heat = stacks.get(pane.data.heat) ?? null;
  pane.outlines = stacks.get(pane.data.outlines)?.outlines ?? null;
  pane.hasOedema = stacks.get(pane.data.outlines)?.has_oedema ?? false;
}

function setPreset(pane, name) {
  const [black, white] = pane.stack.windows[name];
  Object.assign(pane, { black, white });
}

function setWindow(pane, width, level) {
  const range = rangeOf(pane);
  const half = Math.max(width, range / 1000) / 2;
  Object.assign(pane, { black: level - half, white: level + half });
}

function rangeOf({ stack }) {
  const [least, most] = stack.windows["Whole range"];
  return most - least || 1;
}

function changeWindow(pane, wider, higher) {
  const range = rangeOf(pane);
  setWindow(pane, pane.white - pane.black + wider * range, (pane.white + pane.black) / 2 + higher * range);
}

function resetView(pane) {
  setPreset(pane, Object.keys(pane.stack.windows)[0]);
  Object.assign(pane, { zoom: 1, shift: [0, 0], inverted: false });
}

// `x` and `y` from the middle of the canvas stay where they are.
function zoomAt(pane, factor, x = 0, y = 0) {
  const zoom = Math.min(Math.max(pane.zoom * factor, MIN_ZOOM), MAX_ZOOM);
  const grown = zoom / pane.zoom;
  pane.shift = [x - (x - pane.shift[0]) * grown, y - (y - pane.shift[1]) * grown];
  pane.zoom = zoom;
}

function fromMiddle(pane, event) {
  const { canvas } = pane.parts;
  const [x, y] = inCanvas(pane, event);
  return [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
}

function listen(viewer, pane) {
  const { canvas, scrubber } = pane.parts;
  scrubber.oninput = () => moveTo(viewer, pane, Number(scrubber.value));
  canvas.onfocus = () => (viewer.active = pane);
  canvas.onkeydown = (event) => pressed(viewer, pane, event);
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = () => {
    if (viewer.tool !== "window" || !pane.stack) return;
    resetView(pane);
    redraw(viewer);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      zoomAt(pane, Math.exp(-event.deltaY / 300), ...fromMiddle(pane, event));
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
    if (!pane.stack) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pane.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    pane.drag = pane.pointers.size > 1 ? { act: "pinch" } : dragOf(viewer, pane, event);
  };
  canvas.onpointermove = (event) => {
    const last = pane.pointers.get(event.pointerId);
    if (!last || !pane.drag) return;
    dragged(viewer, pane, event, last);
    pane.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    redraw(viewer);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!pane.pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && pane.drag) dropped(viewer, pane, event);
    pane.drag = null;
    redraw(viewer);
  };
}

// What a drag that begins here will do.
function dragOf(viewer, pane, event) {
  const from = toSlice(pane, event);
  const begun = { from, x: event.clientX, y: event.clientY, travelled: 0 };
  if (event.button === 1 || event.shiftKey) return { ...begun, act: "pan" };
  if (event.button === 2) return { ...begun, act: "window" };
  if (viewer.tool === "window") return { ...begun, act: event.pointerType === "touch" ? "scroll" : "window" };
  if (viewer.tool === "joints") return { ...begun, act: "joints", grip: pane.data.marking && gripAt(pane, inCanvas(pane, event)) };
  return { ...begun, act: viewer.tool };
}

function dragged(viewer, pane, event, [lastX, lastY]) {
  const { drag, data } = pane;
  const [dx, dy] = [event.clientX - lastX, event.clientY - lastY];
  drag.travelled = Math.max(drag.travelled ?? 0, Math.hypot(event.clientX - drag.x, event.clientY - drag.y));
  const here = toSlice(pane, event);
  const pan = (x, y) => (pane.shift = [pane.shift[0] + x, pane.shift[1] + y]);
  const circle = () => {
    const radius = distanceMm(data.pixel, drag.from, here);
    return { slice: pane.index, centre: drag.from, radius };
  };
  const acts = {
    window: () => changeWindow(pane, dx * DRAG_SHARE, -dy * DRAG_SHARE),
    pan: () => pan(dx, dy),
    pinch: () => pinched(pane, event, [lastX, lastY], pan),
    scroll: () => {
      pane.wheel += dy;
      if (Math.abs(pane.wheel) < TOUCH_STEP) return;
      moveTo(viewer, pane, pane.index + Math.sign(pane.wheel));
      pane.wheel = 0;
    },
    ruler: () => (pane.ruler = { slice: pane.index, from: drag.from, to: here }),
    region: () => (pane.region = circle()),
    reference: () => (pane.reference = circle()),
    joints: () => drag.grip && movePoint(pane, drag.grip, here),
    mark: () => {},
  };
  acts[drag.act]();
}

// Two fingers: their distance zooms, their middle moves.
function pinched(pane, event, last, pan) {
  const other = [...pane.pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (!other) return;
  const now = [event.clientX, event.clientY];
  const span = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
  const [x, y] = fromMiddle(pane, { clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2 });
  zoomAt(pane, span(now) / span(last), x, y);
  pan((now[0] - last[0]) / 2, (now[1] - last[1]) / 2);
}

function dropped(viewer, pane, event) {
  const { drag } = pane;
  const isClick = drag.travelled < MOVED;
  if (drag.act === "mark" && isClick) markAt(viewer, pane, toSlice(pane, event));
  if (drag.act !== "joints" || !pane.data.marking) return;
  if (drag.grip) draftOf(pane, drag.grip.joint) && layLine(viewer, pane, drag.grip.joint);
  else if (isClick) layEnd(viewer, pane, toSlice(pane, event));
}
