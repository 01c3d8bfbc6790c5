// Stacks of slices for the tests.

const radians = (degrees) => (degrees * Math.PI) / 180;

/**
 * A stack around the middle of the patient: coronal, its slices `step` mm apart from anterior to
 * posterior, turned by `tilt` degrees about the axis from right to left.
 */
export function coronal({ slices = 9, rows = 40, columns = 30, pixel = [2, 2], step = 4, tilt = 0, ...more } = {}) {
  const [cosine, sine] = [Math.cos(radians(tilt)), Math.sin(radians(tilt))];
  return stack({ slices, rows, columns, pixel, plane: "coronal", ...more }, [
    [0, step * cosine, step * sine],
    [0, pixel[0] * sine, -pixel[0] * cosine],
    [pixel[1], 0, 0],
  ]);
}

/** A stack around the middle of the patient: axial, its slices `step` mm apart from below to above. */
export function axial({ slices = 9, rows = 40, columns = 30, pixel = [2, 2], step = 4, ...more } = {}) {
  return stack({ slices, rows, columns, pixel, plane: "axial", ...more }, [[0, 0, step], [0, pixel[0], 0], [pixel[1], 0, 0]]);
}

/** By its steps in LPS mm to the next slice, row and column; the middle of the stack is the origin. */
export function stack(data, steps) {
  const middle = [data.slices - 1, data.rows - 1, data.columns - 1].map((last) => last / 2);
  const affine = [0, 1, 2].map((axis) => {
    const line = steps.map((step) => step[axis]);
    return [...line, -line.reduce((sum, value, k) => sum + value * middle[k], 0)];
  });
  return { frame: "1.2.3", offset_mm: null, ...data, affine: [...affine, [0, 0, 0, 1]] };
}

/** Numbers from 0 to 1, the same each time. */
export function numbers(seed = 1) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** Whether two numbers, or two lists of them, are equal but for rounding. */
export function isNear(one, other, by = 1e-9) {
  return [one].flat().every((value, k) => Math.abs(value - [other].flat()[k]) <= by);
}
