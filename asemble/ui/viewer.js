// The slice viewer. Python sends every slice of a series once, as grey PNGs; from then on slices,
// window and level, and the heatmap are drawn here. `viewer.py` describes the fields of `data`.

const SLICE_RESTS_MS = 300; // the server hears of a slice when the reader rests on it
const WHEEL_STEP = 40; // of deltaY for one slice, so that a trackpad does not race
const MIN_WINDOW = 0.01; // as shares of the range of the series
const DRAG_STEP = 0.002; // of window and level for one pixel of dragging
const NO_EVIDENCE = "No positive evidence on this slice.";
const HINT = "Wheel or arrow keys: slices. Drag: window and level. Double-click: reset.";

const viewers = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = { panes: [], jump: null, heatOn: false, opacity: 0.6 };
    viewers.set(root, viewer);
  }
  viewer.tell = (slice) => data.tells && setTriggerValue("slice", slice);
  update(viewer, root, data);
}

function update(viewer, root, data) {
  const same =
    viewer.panes.length === data.panes.length &&
    viewer.panes.every((pane, i) => pane.data.images[0] === data.panes[i].images[0]);
  if (!same) {
    viewer.panes.forEach((pane) => pane.watch.disconnect());
    root.replaceChildren();
    viewer.panes = data.panes.map((p, i) => makePane(viewer, root, p, i));
  }
  viewer.linked = data.linked;
  viewer.colours = data.colours;
  viewer.panes.forEach((pane, i) => {
    pane.data = data.panes[i];
    const heat = (pane.data.heat || []).join();
    if (heat !== pane.heatCame) {
      pane.heatCame = heat;
      pane.heat = decodeAll(pane.data.heat || [], () => draw(viewer, pane));
    }
    pane.parts.heatRow.hidden = !pane.data.heat;
    pane.parts.heatWord.hidden = !pane.data.heat;
    if (viewer.jump !== data.jump) pane.index = pane.data.start;
  });
  viewer.jump = data.jump;
  paintBars(viewer);
  viewer.panes.forEach((pane) => draw(viewer, pane));
}

function makePane(viewer, root, data, number) {
  const parts = {};
  const make = (tag, name, parent, props = {}) =>
    (parts[name] = parent.appendChild(Object.assign(document.createElement(tag), props)));
  const box = make("div", "box", root, { className: "pane" });
  const head = make("div", "head", box, { className: "head" });
  make("span", "title", head, { className: "title", textContent: data.title });
  make("span", "subtitle", head, { className: "subtitle", textContent: data.subtitle });
  if (data.badge) make("span", "badge", head, { className: "badge", textContent: data.badge });
  make("canvas", "canvas", box, { tabIndex: 0 });
  parts.canvas.setAttribute("role", "img");
  parts.canvas.setAttribute("aria-label", `${data.title} slices`);
  const range = (row, name, label, min, max, step = 1) => {
    make("label", name + "Label", row, { textContent: label, htmlFor: name + number });
    make("input", name, row, { type: "range", id: name + number, min, max, step });
  };
  const sliceRow = make("div", "sliceRow", box, { className: "row" });
  make("span", "place", sliceRow, { className: "place" });
  make("input", "slice", sliceRow, { type: "range", min: 0, max: data.images.length - 1 });
  parts.slice.setAttribute("aria-label", `Slice of ${data.title}`);
  const windowRow = make("div", "windowRow", box, { className: "row" });
  range(windowRow, "width", "Window", MIN_WINDOW, 1, 0.002);
  range(windowRow, "level", "Level", 0, 1, 0.002);
  make("button", "reset", windowRow, { type: "button", textContent: "Reset" });
  const heatRow = make("div", "heatRow", box, { className: "row", hidden: true });
  make("input", "heatOn", heatRow, { type: "checkbox", id: "heatOn" + number });
  make("label", "heatLabel", heatRow, { textContent: "Show heatmap", htmlFor: "heatOn" + number });
  range(heatRow, "opacity", "Opacity", 0.1, 1, 0.05);
  make("span", "zero", heatRow, { className: "muted", textContent: "0" });
  make("canvas", "bar", heatRow, { className: "bar", width: 256, height: 1 });
  make("span", "one", heatRow, { className: "muted", textContent: "1, the study's strongest" });
  make("div", "heatWord", box, { className: "heat-word", hidden: true });
  make("div", "hint", box, { className: "muted", textContent: data.unknown || HINT });

  const pane = { data, parts, index: data.start, number, wheel: 0, heat: [], heatCame: "" };
  pane.images = decodeAll(data.images, (i) => i === pane.index && draw(viewer, pane));
  resetWindow(pane);
  listen(viewer, pane);
  pane.watch = new ResizeObserver(() => draw(viewer, pane));
  pane.watch.observe(parts.canvas);
  return pane;
}

function listen(viewer, pane) {
  const { canvas, slice, width, level, reset, heatOn, opacity } = pane.parts;
  const redraw = () => draw(viewer, pane);
  slice.oninput = () => moveTo(viewer, pane, Number(slice.value));
  canvas.onkeydown = (event) => {
    const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    moveTo(viewer, pane, pane.index + step);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    pane.wheel += event.deltaY;
    const steps = Math.trunc(pane.wheel / WHEEL_STEP);
    if (!steps) return;
    pane.wheel = 0;
    moveTo(viewer, pane, pane.index + Math.sign(steps));
  }, { passive: false });
  width.oninput = level.oninput = () => {
    setWindow(pane, Number(width.value), Number(level.value));
    redraw();
  };
  canvas.onpointerdown = (event) => event.pointerType === "mouse" && canvas.setPointerCapture(event.pointerId);
  canvas.onpointermove = (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    setWindow(pane, pane.width + event.movementX * DRAG_STEP, pane.level - event.movementY * DRAG_STEP);
    redraw();
  };
  canvas.ondblclick = reset.onclick = () => { resetWindow(pane); redraw(); };
  heatOn.onchange = () => { viewer.heatOn = heatOn.checked; viewer.panes.forEach((p) => draw(viewer, p)); };
  opacity.oninput = () => { viewer.opacity = Number(opacity.value); viewer.panes.forEach((p) => draw(viewer, p)); };
}

function moveTo(viewer, pane, index) {
  pane.index = Math.min(Math.max(index, 0), pane.data.images.length - 1);
  for (const other of viewer.panes) {
    if (other !== pane && viewer.linked) other.index = nearest(other.data.positions, pane.data.positions[pane.index]);
    draw(viewer, other); // its reference line has moved
  }
  clearTimeout(viewer.rests);
  viewer.rests = setTimeout(() => viewer.tell(viewer.panes[0].index), SLICE_RESTS_MS);
}

function nearest(positions, wanted) {
  const far = positions.map((p) => Math.abs(p - wanted));
  return far.indexOf(Math.min(...far));
}

function resetWindow(pane) {
  const [black, white] = pane.data.window;
  setWindow(pane, white - black, (white + black) / 2);
}

function setWindow(pane, width, level) {
  pane.width = pane.parts.width.value = Math.min(Math.max(width, MIN_WINDOW), 1);
  pane.level = pane.parts.level.value = Math.min(Math.max(level, 0), 1);
}

// PNGs to single-channel bytes; `ready(i)` is called as each arrives.
function decodeAll(uris, ready) {
  const decoded = new Array(uris.length).fill(null);
  uris.forEach(async (uri, i) => {
    if (!uri) return;
    const image = new Image();
    image.src = uri;
    await image.decode();
    const sheet = new OffscreenCanvas(image.width, image.height).getContext("2d");
    sheet.drawImage(image, 0, 0);
    const rgba = sheet.getImageData(0, 0, image.width, image.height).data;
    const grey = new Uint8Array(rgba.length / 4);
    for (let k = 0; k < grey.length; k++) grey[k] = rgba[4 * k];
    decoded[i] = { grey, width: image.width, height: image.height };
    ready(i);
  });
  return decoded;
}

function draw(viewer, pane) {
  const { data, parts, index } = pane;
  const ratio = window.devicePixelRatio || 1;
  const wide = Math.round(parts.canvas.clientWidth * ratio);
  const high = Math.round(parts.canvas.clientHeight * ratio);
  if (!wide || !high) return;
  if (parts.canvas.width !== wide || parts.canvas.height !== high) Object.assign(parts.canvas, { width: wide, height: high });
  const place = data.places[index];
  parts.place.textContent = `Slice ${index + 1} of ${data.images.length}${place ? ", " + place : ""}`;
  parts.slice.value = index;
  parts.canvas.dataset.slice = index;
  const ink = parts.canvas.getContext("2d");
  ink.clearRect(0, 0, wide, high);
  ink.imageSmoothingEnabled = true;
  ink.imageSmoothingQuality = "high";

  // The slice in millimetres, fitted into the canvas: pixels need not be square.
  const [rowMm, columnMm] = data.pixel;
  const scale = Math.min(wide / (data.columns * columnMm), high / (data.rows * rowMm));
  const frame = { width: data.columns * columnMm * scale, height: data.rows * rowMm * scale };
  frame.x = (wide - frame.width) / 2;
  frame.y = (high - frame.height) / 2;

  const image = pane.images[index];
  if (!image) return;
  const low = pane.level - pane.width / 2;
  // The bytes hold square roots; a clamped array rounds and clips.
  const shown = Uint8ClampedArray.from({ length: 256 }, (_, v) => (255 * ((v / 255) ** 2 - low)) / pane.width);
  stamp(ink, frame, image, (v, out, k) => {
    out[k] = out[k + 1] = out[k + 2] = shown[v];
    out[k + 3] = 255;
  });
  drawHeat(viewer, pane, ink, frame);
  drawReference(viewer, pane, ink, frame);
  if (data.letters) drawMarks(data, ink, frame, scale, ratio);
}

function stamp(ink, frame, image, colour) {
  const sheet = new OffscreenCanvas(image.width, image.height);
  const paper = sheet.getContext("2d");
  const pixels = paper.createImageData(image.width, image.height);
  for (let k = 0; k < image.grey.length; k++) colour(image.grey[k], pixels.data, 4 * k);
  paper.putImageData(pixels, 0, 0);
  ink.drawImage(sheet, frame.x, frame.y, frame.width, frame.height);
}

function drawHeat(viewer, pane, ink, frame) {
  const { heatOn, opacity, heatWord, canvas } = pane.parts;
  heatOn.checked = viewer.heatOn;
  opacity.value = viewer.opacity;
  canvas.dataset.heat = "off";
  heatWord.textContent = "";
  if (!viewer.heatOn || !pane.data.heat) return;
  const heat = pane.heat[pane.index];
  if (!pane.data.heat[pane.index]) heatWord.textContent = NO_EVIDENCE;
  canvas.dataset.heat = heat ? "shown" : "none";
  if (!heat) return;
  stamp(ink, frame, heat, (v, out, k) => {
    const [r, g, b, a] = viewer.colours[v];
    out[k] = r; out[k + 1] = g; out[k + 2] = b; out[k + 3] = a * viewer.opacity;
  });
}

// Where the other pane's slice cuts this one, unless they are parallel.
function drawReference(viewer, pane, ink, frame) {
  for (const other of viewer.panes) {
    if (other === pane || !other.data.affine || !pane.data.affine) continue;
    const line = cut(pane, other);
    if (!line) continue;
    const at = ([row, column]) => [
      frame.x + ((column + 0.5) / pane.data.columns) * frame.width,
      frame.y + ((row + 0.5) / pane.data.rows) * frame.height,
    ];
    ink.save();
    ink.strokeStyle = "rgba(90, 169, 196, 0.75)";
    ink.setLineDash([6, 6]);
    ink.lineWidth = window.devicePixelRatio || 1;
    ink.beginPath();
    ink.moveTo(...at(line[0]));
    ink.lineTo(...at(line[1]));
    ink.stroke();
    ink.restore();
  }
}

// Two (row, column) points on `pane`'s slice in the plane of `other`'s slice; null if parallel.
function cut(pane, other) {
  const axis = (affine, k) => [affine[0][k], affine[1][k], affine[2][k]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const along = (a, from, by) => from.map((v, i) => v + a[i] * by);
  const [mine, theirs] = [pane.data.affine, other.data.affine];
  const [down, right] = [axis(theirs, 1), axis(theirs, 2)];
  const normal = [
    right[1] * down[2] - right[2] * down[1],
    right[2] * down[0] - right[0] * down[2],
    right[0] * down[1] - right[1] * down[0],
  ];
  const start = along(axis(mine, 0), axis(mine, 3), pane.index);
  const point = along(axis(theirs, 0), axis(theirs, 3), other.index);
  const perRow = dot(normal, axis(mine, 1));
  const perColumn = dot(normal, axis(mine, 2));
  const rest = dot(normal, start) - dot(normal, point);
  const size = Math.sqrt(dot(normal, normal));
  if (Math.hypot(perRow / pane.data.pixel[0], perColumn / pane.data.pixel[1]) < 0.2 * size) return null;
  const { rows, columns } = pane.data;
  const ends = [];
  const keep = (row, column) => {
    if (row >= -0.5 && row <= rows - 0.5 && column >= -0.5 && column <= columns - 0.5) ends.push([row, column]);
  };
  for (const column of [-0.5, columns - 0.5]) if (perRow) keep(-(rest + perColumn * column) / perRow, column);
  for (const row of [-0.5, rows - 0.5]) if (perColumn) keep(row, -(rest + perRow * row) / perColumn);
  return ends.length >= 2 ? [ends[0], ends[ends.length - 1]] : null;
}

function drawMarks(data, ink, frame, scale, ratio) {
  const [left, right, top, bottom] = data.letters;
  const pad = 8 * ratio;
  ink.save();
  ink.font = `600 ${14 * ratio}px ${getComputedStyle(ink.canvas).fontFamily}`;
  ink.fillStyle = "#f2e6c4";
  ink.shadowColor = "#000";
  ink.shadowBlur = 4 * ratio;
  const middle = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
  const word = (text, x, y, align, baseline) => {
    Object.assign(ink, { textAlign: align, textBaseline: baseline });
    ink.fillText(text, x, y);
  };
  word(left, frame.x + pad, middle.y, "left", "middle");
  word(right, frame.x + frame.width - pad, middle.y, "right", "middle");
  word(top, middle.x, frame.y + pad, "center", "top");
  word(bottom, middle.x, frame.y + frame.height - pad, "center", "bottom");
  const long = 50 * scale; // 50 mm
  const [x, y] = [frame.x + pad, frame.y + frame.height - pad];
  ink.fillRect(x, y - 2 * ratio, long, 2 * ratio);
  ink.font = `${12 * ratio}px ${getComputedStyle(ink.canvas).fontFamily}`;
  word("50 mm", x, y - 5 * ratio, "left", "bottom");
  ink.restore();
}

function paintBars(viewer) {
  if (!viewer.colours.length) return;
  for (const { parts } of viewer.panes) {
    const paper = parts.bar.getContext("2d");
    const pixels = paper.createImageData(256, 1);
    viewer.colours.forEach(([r, g, b, a], k) => {
      const cover = a / 255; // over black, as it looks on a dark slice
      pixels.data.set([r * cover, g * cover, b * cover, 255], 4 * k);
    });
    paper.putImageData(pixels, 0, 0);
  }
}
