// Buttons for files that are made when they are asked for: a click first lets every field say what
// it holds, then asks; the file comes with `files.js`. Until then nothing else can be asked for. What
// was asked while the connection was being lost never arrived: it is asked again.

const LOOKS_EVERY_MS = 1000;
const IDLE_LOOKS = 3; // so often the app is seen connected and at rest before a word counts as lost

/**
 * @typedef {object} Row
 * @property {Element} root
 * @property {Record<string, HTMLButtonElement>} buttons by the kind of their file
 * @property {string | null} waits the id of the file that was asked for
 * @property {(kind: string) => void} ask
 * @property {(kind: string) => void} tell what is asked for, once or again
 */

/** @type {WeakMap<Element, Row>} */
const rows = new WeakMap();

/** @param {Mount<{ buttons: { kind: string, label: string, primary: boolean }[] }>} mount */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = /** @type {Element} */ (parentElement.querySelector(".downloads"));
  /** @type {Row} */
  const row = rows.get(root) ?? { root, buttons: {}, waits: null, ask: () => {}, tell: () => {} };
  rows.set(root, row);
  for (const { kind, label, primary } of data.buttons) {
    row.buttons[kind] ??= makeButton(row, kind, primary);
    if (row.buttons[kind].textContent !== label) row.buttons[kind].textContent = label;
  }
  row.ask = (kind) => {
    globalThis.dispatchEvent(new Event("asemble-flush"));
    row.waits = crypto.getRandomValues(new Uint32Array(4)).join("");
    row.tell(kind);
    show(row, kind);
    askAgain(row, kind, row.waits);
  };
  row.tell = (kind) => {
    const fields = [...(globalThis.asembleShown ?? [])].map(([place, text]) => [place, text()]);
    setTriggerValue("wanted", { kind, id: row.waits, shown: Object.fromEntries(fields) });
  };
  /** @type {(event: Saved) => void} */
  const saved = ({ detail }) => {
    if (detail.id !== row.waits) return;
    row.waits = null;
    if (!globalThis.asembleRecovery?.isLeaving?.()) setStateValue("saved", detail.id);
    show(row);
  };
  window.addEventListener("asemble-saved", saved);
  return () => window.removeEventListener("asemble-saved", saved);
}

/** @type {(row: Row, kind: string, id: string) => void} */
function askAgain(row, kind, id) {
  let idle = 0;
  const looks = setInterval(() => {
    if (row.waits !== id || !row.root.isConnected) return clearInterval(looks);
    const app = /** @type {HTMLElement | null} */ (document.querySelector(".stApp"))?.dataset;
    const isIdle = app?.testConnectionState === "CONNECTED" && app?.testScriptState === "notRunning";
    idle = isIdle ? idle + 1 : 0;
    if (idle < IDLE_LOOKS) return;
    idle = 0;
    row.tell(kind);
  }, LOOKS_EVERY_MS);
}

/** @type {(row: Row, kind: string, primary: boolean) => HTMLButtonElement} */
function makeButton(row, kind, primary) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = primary ? "primary" : "";
  button.onclick = () => row.ask(kind);
  return row.root.appendChild(button);
}

/** @type {(row: Row, asked?: string) => void} */
function show(row, asked) {
  for (const [kind, button] of Object.entries(row.buttons)) {
    button.disabled = Boolean(row.waits);
    button.setAttribute("aria-busy", String(kind === asked));
  }
}
