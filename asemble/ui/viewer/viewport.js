// Where a slice lies on its canvas: mirrored, turned, fitted in millimetres, since pixels need not be
// square, then magnified and moved. The one place that knows both directions.

const [MIN_ZOOM, MAX_ZOOM] = [0.5, 12];

/**
 * Where the slice lies on a canvas of `ratio` pixels a CSS pixel.
 * @type {(pane: { data: Geometry, parts: { canvas: { clientWidth: number, clientHeight: number } } } & View, ratio: number) => Frame}
 */
export function frameOf({ data, parts: { canvas }, zoom, shift, ...turned }, ratio) {
  const [wide, high] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  const [wideMm, highMm] = [data.columns * data.pixel[1], data.rows * data.pixel[0]];
  const [acrossMm, downMm] = turned.turns % 2 ? [highMm, wideMm] : [wideMm, highMm];
  const scale = Math.min(wide / acrossMm, high / downMm) * zoom;
  const [across, down] = [onScreen(turned, [wideMm * scale, 0]), onScreen(turned, [0, highMm * scale])];
  const [middleX, middleY] = [wide / 2 + shift[0] * ratio, high / 2 + shift[1] * ratio];
  const [width, height] = [acrossMm * scale, downMm * scale];
  return {
    width, height, scale, across, down,
    x: middleX - width / 2,
    y: middleY - height / 2,
    corner: [middleX - (across[0] + down[0]) / 2, middleY - (across[1] + down[1]) / 2],
  };
}

/**
 * A direction of the slice as shown at first, on the screen: mirrored, then turned.
 * @type {(turned: Turned, direction: Point) => Point}
 */
export function onScreen({ turns, isMirrored }, [x, y]) {
  /** @type {Point} */
  let direction = [isMirrored ? -x : x, y];
  for (let k = 0; k < turns; k++) direction = [-direction[1] || 0, direction[0]];
  return direction;
}

/**
 * And back: a direction on the screen, on the slice.
 * @type {(turned: Turned, direction: Point) => Point}
 */
export function onSlice({ turns, isMirrored }, direction) {
  const [x, y] = onScreen({ turns: (4 - turns) % 4, isMirrored: false }, direction);
  return [isMirrored ? -x : x, y];
}

/**
 * Turned by quarters clockwise, as the reader sees it.
 * @type {(turned: Turned, quarters: number) => Turned}
 */
export const turnedBy = ({ turns, isMirrored }, quarters) => ({ turns: (turns + quarters + 4) % 4, isMirrored });

/**
 * Left and right change places, as the reader sees it.
 * @type {(turned: Turned) => Turned}
 */
export const mirrored = ({ turns, isMirrored }) => ({ turns: (4 - turns) % 4, isMirrored: !isMirrored });

/**
 * The letters at the left, right, upper and lower edge of the screen.
 * @type {(turned: Turned, letters: Letters) => Letters}
 */
export function lettersOn(turned, [left, right, top, bottom]) {
  /** @type {[number, number][]} */
  const edges = [[-1, 0], [1, 0], [0, -1], [0, 1]];
  const seen = edges.map((edge) => {
    const [x, y] = onSlice(turned, edge);
    if (x) return x < 0 ? left : right;
    return y < 0 ? top : bottom;
  });
  return /** @type {Letters} */ (seen);
}

/** @type {(data: Pick<Geometry, "rows" | "columns">, frame: Frame, place: Place) => Point} */
export function toCanvas(data, { corner, across, down }, [row, column]) {
  const [u, v] = [(column + 0.5) / data.columns, (row + 0.5) / data.rows];
  return [corner[0] + u * across[0] + v * down[0], corner[1] + u * across[1] + v * down[1]];
}

/** @type {(data: Pick<Geometry, "rows" | "columns">, frame: Frame, point: Point) => Place} */
export function toPlace(data, { corner, across, down }, point) {
  const [x, y] = [point[0] - corner[0], point[1] - corner[1]];
  /** @type {(along: Point) => number} */
  const share = (along) => (x * along[0] + y * along[1]) / (along[0] ** 2 + along[1] ** 2);
  return [share(down) * data.rows - 0.5, share(across) * data.columns - 0.5];
}

/** @typedef {Pick<View, "zoom" | "shift">} Magnified */

/**
 * What lies `from` the middle of the canvas stays where it is.
 * @type {(view: Magnified, factor: number, from?: Point) => Magnified}
 */
export function zoomed({ zoom: before, shift }, factor, [x, y] = [0, 0]) {
  const zoom = Math.min(Math.max(before * factor, MIN_ZOOM), MAX_ZOOM);
  const grown = zoom / before;
  return { zoom, shift: [x - (x - shift[0]) * grown, y - (y - shift[1]) * grown] };
}

/** @type {(view: Magnified, dx: number, dy: number) => Magnified} */
export const moved = ({ zoom, shift }, dx, dy) => ({ zoom, shift: [shift[0] + dx, shift[1] + dy] });

/**
 * One finger went from `last` to `now` while the `other` lay still: their distance zooms around
 * what was between them, and that moves with it. All from the middle of the canvas.
 * @type {(view: Magnified, last: Point, now: Point, other: Point) => Magnified}
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
