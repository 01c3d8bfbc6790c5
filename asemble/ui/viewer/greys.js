// Window and level: which values of a series are black and white, and its slices in these greys.

const LEAST_SHARE = 1 / 1000; // of the range of a series: no window is narrower

/**
 * Of all values of a stack; 1 where there is but one.
 * @type {(stack: Stack) => number}
 */
export function rangeOf({ windows }) {
  const [least, most] = windows["Whole range"];
  return most - least || 1;
}

/** @type {(width: number, level: number, range: number) => Greys} */
export function windowOf(width, level, range) {
  const half = Math.max(width, range * LEAST_SHARE) / 2;
  return { black: level - half, white: level + half };
}

/**
 * A window that is `wider` and `higher` by these shares of the range.
 * @type {(greys: Greys, wider: number, higher: number, range: number) => Greys}
 */
export function changed({ black, white }, wider, higher, range) {
  return windowOf(white - black + wider * range, (white + black) / 2 + higher * range, range);
}

/**
 * Write one slice as opaque pixels.
 * @param {Uint32Array} pixels as many as the slice has; ABGR, as canvases on our processors have them
 * @param {Pick<Stack, "values" | "slope" | "intercept">} stack
 * @param {number} start where the slice begins among the values
 * @param {Greys & { inverted: boolean }} greys
 */
export function paintGreys(pixels, stack, start, { black, white, inverted }) {
  const { values } = stack;
  const gain = 255 / (white - black);
  const offset = (stack.intercept - black) * gain;
  const perStep = stack.slope * gain;
  const flip = inverted ? 255 : 0;
  for (let k = 0; k < pixels.length; k++) {
    const shown = values[start + k] * perStep + offset;
    const grey = (shown < 0 ? 0 : shown > 255 ? 255 : (shown + 0.5) | 0) ^ flip;
    pixels[k] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
}
