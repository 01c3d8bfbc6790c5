// A small picture of every series of the study, to drag or tap onto a pane.

import { add } from "./elements.js";
import { hang } from "./hanging.js";
import { refresh } from "./screen.js";

const TYPE = "text/plain";

/**
 * As many buttons as there are series, made again when others are told of or their pictures arrive.
 * @type {(viewer: Viewer, shelf: Shelf | null) => void}
 */
export function fillShelf(viewer, shelf) {
  const { root } = viewer.shelf;
  const brought = /** @type {Brought | undefined} */ (globalThis.asembleStacks?.get(shelf?.pictures ?? ""));
  root.hidden = !shelf;
  if (!shelf || (viewer.shelf.of === shelf.pictures && viewer.shelf.pictures === brought)) return;
  Object.assign(viewer.shelf, { of: shelf.pictures, pictures: brought });
  root.replaceChildren();
  viewer.shelf.buttons = shelf.series.map(({ id, title, subtitle }, k) => {
    const button = add(root, "button", { type: "button", draggable: true, title: `${title}\n${subtitle}` });
    button.setAttribute("aria-label", `Show ${title} (${id})`);
    if (brought) paint(add(button, "canvas"), brought, k);
    add(button, "span", { textContent: title });
    button.ondragstart = (event) => event.dataTransfer?.setData(TYPE, id);
    button.onclick = () => {
      if (viewer.active) hang(viewer, viewer.active, id);
      refresh(viewer);
    };
    return { id, button };
  });
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
export function takeDrops(viewer, pane) {
  const { picture } = pane.parts;
  /** @type {(isOver: boolean) => void} */
  const mark = (isOver) => { picture.classList.toggle("over", isOver); };
  picture.ondragover = (event) => {
    event.preventDefault();
    mark(true);
  };
  picture.ondragleave = () => mark(false);
  picture.ondrop = (event) => {
    event.preventDefault();
    mark(false);
    const id = event.dataTransfer?.getData(TYPE);
    if (!viewer.shelf.buttons.some((each) => each.id === id)) return;
    hang(viewer, pane, id ?? "");
    refresh(viewer);
  };
}

/** @type {(canvas: HTMLCanvasElement, brought: Brought, k: number) => void} */
function paint(canvas, { shape: [, rows, columns], values }, k) {
  Object.assign(canvas, { width: columns, height: rows });
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = ink.createImageData(columns, rows);
  const greys = values.subarray(k * rows * columns, (k + 1) * rows * columns);
  greys.forEach((grey, at) => pixels.data.set([grey, grey, grey, 255], 4 * at));
  ink.putImageData(pixels, 0, 0);
}
