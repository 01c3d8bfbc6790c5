// Painting one pane: slice, heatmap, reference lines, measures, marks, letters, scale.

const INK = { letter: "#f2e6c4", line: "#5aa9c4", measure: "#ffd24a", reference: "#7fe3a1", mark: "#ff9d6e", proposed: "#c3aef2" };
const SCALE_MM = 50;

function draw(viewer, pane) {
  const { canvas } = pane.parts;
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.round(n * ratio));
  if (!wide || !high || !pane.stack) return;
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const began = performance.now();
  const ink = canvas.getContext("2d");
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, wide, high);
  ink.imageSmoothingQuality = "high";
  const frame = frameOf(pane, ratio);
  ink.drawImage(sliceSheet(pane), frame.x, frame.y, frame.width, frame.height);
  const painter = { ink, ratio, data: pane.data, at: (place) => toCanvas(pane, frame, place), frame };
  drawHeat(viewer, pane, painter);
  drawOutlines(viewer, pane, painter);
  for (const other of viewer.panes) {
    if (other !== pane && other.stack && sharesFrame(pane.data, other.data)) drawCut(painter, cutLine(pane.data, pane.index, other.data, other.index));
  }
  drawMeasures(pane, painter);
  if (pane.data.marking) {
    drawJoints(viewer, pane, painter);
    drawMarks(viewer, pane, painter);
    drawCross(viewer, pane, painter);
  }
  if (pane.data.letters) drawLetters(painter, wide, high);
  drawWindow(pane, painter, wide);
  canvas.dataset.window = [pane.black, pane.white].join();
  canvas.dataset.zoom = pane.zoom;
  canvas.dataset.ms = (performance.now() - began).toFixed(2);
}

// The slice on the canvas, in millimetres, fitted, then zoomed and moved: pixels need not be square.
function frameOf(pane, ratio) {
  const { canvas } = pane.parts;
  const [wide, high] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  const [rowMm, columnMm] = pane.data.pixel;
  const fitted = Math.min(wide / (pane.data.columns * columnMm), high / (pane.data.rows * rowMm));
  const scale = fitted * pane.zoom; // canvas pixels a mm
  const [width, height] = [pane.data.columns * columnMm * scale, pane.data.rows * rowMm * scale];
  return {
    width, height, scale,
    x: (wide - width) / 2 + pane.shift[0] * ratio,
    y: (high - height) / 2 + pane.shift[1] * ratio,
  };
}

const toCanvas = ({ data }, frame, [row, column]) => [
  frame.x + ((column + 0.5) / data.columns) * frame.width,
  frame.y + ((row + 0.5) / data.rows) * frame.height,
];

// (row, column) under a pointer.
function toSlice(pane, event) {
  const [x, y] = inCanvas(pane, event);
  const frame = frameOf(pane, 1);
  return [
    ((y - frame.y) / frame.height) * pane.data.rows - 0.5,
    ((x - frame.x) / frame.width) * pane.data.columns - 0.5,
  ];
}

// [x, y] of a pointer from the upper left of what is drawn, inside the border.
function inCanvas({ parts: { canvas } }, event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
}

// The greys of the slice, kept until slice, window or inversion change.
function sliceSheet(pane) {
  const { stack, index, black, white, inverted } = pane;
  const wanted = [stack.key, index, black, white, inverted].join();
  if (pane.sheet?.shows === wanted) return pane.sheet.canvas;
  const [, rows, columns] = stack.shape;
  pane.sheet ??= { canvas: new OffscreenCanvas(columns, rows) };
  const paper = pane.sheet.canvas.getContext("2d");
  pane.sheet.pixels ??= paper.createImageData(columns, rows);
  const out = new Uint32Array(pane.sheet.pixels.data.buffer);
  const start = index * rows * columns;
  const gain = 255 / (white - black);
  const offset = (stack.intercept - black) * gain;
  const perStep = stack.slope * gain;
  const flip = inverted ? 255 : 0;
  for (let k = 0; k < out.length; k++) {
    const shown = stack.values[start + k] * perStep + offset;
    const grey = (shown < 0 ? 0 : shown > 255 ? 255 : (shown + 0.5) | 0) ^ flip;
    out[k] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  paper.putImageData(pane.sheet.pixels, 0, 0);
  pane.sheet.shows = wanted;
  return pane.sheet.canvas;
}

function drawHeat(viewer, pane, painter) {
  const { heat, parts, index } = pane;
  parts.canvas.dataset.heat = "off";
  parts.heatWord.textContent = "";
  if (!viewer.heat.on || !heat) return;
  parts.canvas.dataset.heat = heat.empty[index] ? "none" : "shown";
  if (heat.empty[index]) {
    parts.heatWord.textContent = "No positive evidence on this slice.";
    return;
  }
  const [, rows, columns] = heat.shape;
  const values = heat.values.subarray(index * rows * columns, (index + 1) * rows * columns);
  const least = Math.round(viewer.heat.threshold * 255);
  if (viewer.heat.contour) drawContour(painter, values, rows, columns, Math.max(least, 1));
  else fillHeat(viewer, painter, values, rows, columns, least);
}

function fillHeat(viewer, { ink, frame }, values, rows, columns, least) {
  const sheet = new OffscreenCanvas(columns, rows);
  const paper = sheet.getContext("2d");
  const pixels = paper.createImageData(columns, rows);
  values.forEach((value, k) => {
    const [r, g, b, a] = viewer.colours[value];
    pixels.data.set([r, g, b, value < least ? 0 : a * viewer.heat.opacity], 4 * k);
  });
  paper.putImageData(pixels, 0, 0);
  ink.drawImage(sheet, frame.x, frame.y, frame.width, frame.height);
}

// Marching squares: in each square of four pixel centres, the line where `least` is crossed.
function drawContour({ ink, frame, ratio }, values, rows, columns, least) {
  const at = (row, column) => values[row * columns + column];
  const point = (row, column) => [
    frame.x + ((column + 0.5) / columns) * frame.width,
    frame.y + ((row + 0.5) / rows) * frame.height,
  ];
  ink.beginPath();
  for (let row = 0; row < rows - 1; row++) {
    for (let column = 0; column < columns - 1; column++) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
      const ends = [];
      corners.forEach(([r, c], k) => {
        const [nextRow, nextColumn] = corners[(k + 1) % 4];
        const [here, there] = [at(r, c), at(nextRow, nextColumn)];
        if (here >= least === there >= least) return;
        const share = (least - here) / (there - here);
        ends.push(point(r + share * (nextRow - r), c + share * (nextColumn - c)));
      });
      for (let k = 0; k + 1 < ends.length; k += 2) {
        ink.moveTo(...ends[k]);
        ink.lineTo(...ends[k + 1]);
      }
    }
  }
  stroke(ink, "#000", 3.5 * ratio); // a dark rim keeps it readable on bright marrow
  stroke(ink, "#fca50a", 1.75 * ratio);
}

function stroke(ink, colour, width, dash = []) {
  ink.save();
  Object.assign(ink, { strokeStyle: colour, lineWidth: width });
  ink.setLineDash(dash);
  ink.stroke();
  ink.restore();
}

function drawCut({ ink, at, ratio }, ends) {
  if (!ends) return;
  ink.beginPath();
  ink.moveTo(...at(ends[0]));
  ink.lineTo(...at(ends[1]));
  stroke(ink, INK.line, ratio, [6 * ratio, 6 * ratio]);
}

function drawMeasures(pane, { ink, at, ratio, frame }) {
  if (pane.ruler?.slice === pane.index) {
    ink.beginPath();
    ink.moveTo(...at(pane.ruler.from));
    ink.lineTo(...at(pane.ruler.to));
    stroke(ink, "#000", 4 * ratio);
    stroke(ink, INK.measure, 2 * ratio);
  }
  for (const [name, colour] of [["region", INK.measure], ["reference", INK.reference]]) {
    const circle = pane[name];
    if (circle?.slice !== pane.index) continue;
    ink.beginPath();
    ink.arc(...at(circle.centre), circle.radius * frame.scale, 0, 2 * Math.PI);
    stroke(ink, "#000", 4 * ratio);
    stroke(ink, colour, 2 * ratio);
  }
}

function word(ink, text, x, y, { colour = INK.letter, size, align = "center", baseline = "middle" }) {
  ink.save();
  ink.font = `600 ${size}px ${getComputedStyle(ink.canvas).fontFamily}`;
  Object.assign(ink, { fillStyle: colour, strokeStyle: "#000", lineWidth: size / 4, lineJoin: "round", textAlign: align, textBaseline: baseline });
  ink.strokeText(text, x, y);
  ink.fillText(text, x, y);
  ink.restore();
}

// Letters and scale keep to the canvas, wherever the slice was moved.
function drawLetters({ ink, ratio, frame, data }, wide, high) {
  const [left, right, top, bottom] = data.letters;
  const pad = 12 * ratio;
  const size = 14 * ratio;
  const edge = {
    left: Math.max(frame.x, 0) + pad,
    right: Math.min(frame.x + frame.width, wide) - pad,
    top: Math.max(frame.y, 0) + pad,
    bottom: Math.min(frame.y + frame.height, high) - pad,
  };
  word(ink, left, edge.left, high / 2, { size });
  word(ink, right, edge.right, high / 2, { size });
  word(ink, top, wide / 2, edge.top, { size });
  word(ink, bottom, wide / 2, edge.bottom, { size });
  const length = [SCALE_MM, 20, 10, 5].find((mm) => mm * frame.scale < wide / 2) ?? 5;
  ink.fillStyle = INK.letter;
  ink.fillRect(pad, high - pad, length * frame.scale, 2 * ratio);
  word(ink, `${length} mm`, pad, high - pad - 5 * ratio, { size: 12 * ratio, align: "left", baseline: "bottom" });
}

function drawWindow(pane, { ink, ratio }, wide) {
  const text = `W ${figure(pane.white - pane.black)}  L ${figure((pane.white + pane.black) / 2)}${pane.inverted ? "  inverted" : ""}`;
  word(ink, text, wide - 8 * ratio, 8 * ratio, { size: 11 * ratio, align: "right", baseline: "top" });
}
