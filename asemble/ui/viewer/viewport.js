// Where a slice lies on its canvas: fitted in millimetres, since pixels need not be square, then
// magnified and moved. The one place that knows both directions.

const [MIN_ZOOM, MAX_ZOOM] = [0.5, 12];

/**
 * Where the slice lies on a canvas of `ratio` pixels a CSS pixel.
 * @type {(pane: { data: Geometry, parts: { canvas: { clientWidth: number, clientHeight: number } } } & View, ratio: number) => Frame}
 */
export function frameOf({ data, parts: { canvas }, zoom, shift }, ratio) {
  const [wide, high] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  const [rowMm, columnMm] = data.pixel;
  const fitted = Math.min(wide / (data.columns * columnMm), high / (data.rows * rowMm));
  const scale = fitted * zoom;
  const [width, height] = [data.columns * columnMm * scale, data.rows * rowMm * scale];
  return {
    width, height, scale,
    x: (wide - width) / 2 + shift[0] * ratio,
    y: (high - height) / 2 + shift[1] * ratio,
  };
}

/** @type {(data: Geometry, frame: Frame, place: Place) => Point} */
export const toCanvas = (data, frame, [row, column]) => [
  frame.x + ((column + 0.5) / data.columns) * frame.width,
  frame.y + ((row + 0.5) / data.rows) * frame.height,
];

/** @type {(data: Geometry, frame: Frame, point: Point) => Place} */
export const toPlace = (data, frame, [x, y]) => [
  ((y - frame.y) / frame.height) * data.rows - 0.5,
  ((x - frame.x) / frame.width) * data.columns - 0.5,
];

/**
 * What lies `from` the middle of the canvas stays where it is.
 * @type {(view: View, factor: number, from?: Point) => View}
 */
export function zoomed({ zoom: before, shift }, factor, [x, y] = [0, 0]) {
  const zoom = Math.min(Math.max(before * factor, MIN_ZOOM), MAX_ZOOM);
  const grown = zoom / before;
  return { zoom, shift: [x - (x - shift[0]) * grown, y - (y - shift[1]) * grown] };
}

/** @type {(view: View, dx: number, dy: number) => View} */
export const moved = ({ zoom, shift }, dx, dy) => ({ zoom, shift: [shift[0] + dx, shift[1] + dy] });

/**
 * One finger went from `last` to `now` while the `other` lay still: their distance zooms around
 * what was between them, and that moves with it. All from the middle of the canvas.
 * @type {(view: View, last: Point, now: Point, other: Point) => View}
 */
export function pinched(view, last, now, other) {
  const [before, after] = [last, now].map((point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1);
  const between = zoomed(view, after / before, [(last[0] + other[0]) / 2, (last[1] + other[1]) / 2]);
  return moved(between, (now[0] - last[0]) / 2, (now[1] - last[1]) / 2);
}

/**
 * The place under a pointer.
 * @type {(pane: Pane, event: { clientX: number, clientY: number }) => Place}
 */
export const placeUnder = (pane, event) => toPlace(pane.data, frameOf(pane, 1), inCanvas(pane, event));

/**
 * A pointer from the upper left of what is drawn, inside the border.
 * @type {(pane: Pane, event: { clientX: number, clientY: number }) => Point}
 */
export function inCanvas({ parts: { canvas } }, event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
}

/**
 * A pointer from the middle of what is drawn.
 * @type {(pane: Pane, event: { clientX: number, clientY: number }) => Point}
 */
export function fromMiddle(pane, event) {
  const { canvas } = pane.parts;
  const [x, y] = inCanvas(pane, event);
  return [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
}
