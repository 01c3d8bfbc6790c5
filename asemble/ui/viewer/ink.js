// Lines and words on a canvas.

export const INK = {
  letter: "#f2e6c4", line: "#5aa9c4", measure: "#ffd24a", reference: "#7fe3a1", mark: "#ff9d6e", proposed: "#c3aef2",
};

/** @type {(ink: CanvasRenderingContext2D, colour: string, width: number, dash?: number[]) => void} */
export function stroke(ink, colour, width, dash = []) {
  ink.save();
  Object.assign(ink, { strokeStyle: colour, lineWidth: width });
  ink.setLineDash(dash);
  ink.stroke();
  ink.restore();
}

/**
 * @param {CanvasRenderingContext2D} ink
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {{ size: number, colour?: string, align?: CanvasTextAlign, baseline?: CanvasTextBaseline }} how
 */
export function word(ink, text, x, y, { colour = INK.letter, size, align = "center", baseline = "middle" }) {
  ink.save();
  ink.font = `600 ${size}px ${getComputedStyle(ink.canvas).fontFamily}`;
  Object.assign(ink, { fillStyle: colour, strokeStyle: "#000", lineWidth: size / 4, lineJoin: "round", textAlign: align, textBaseline: baseline });
  ink.strokeText(text, x, y);
  ink.fillText(text, x, y);
  ink.restore();
}
