// Buttons for files that are made when they are asked for: a click first lets every field say what
// it holds, then asks; the file comes with `files.js`. Until then nothing else can be asked for.

const rows = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".downloads");
  const row = rows.get(root) ?? { root, buttons: {}, waits: null };
  rows.set(root, row);
  for (const { kind, label, primary } of data.buttons) {
    row.buttons[kind] ??= makeButton(row, kind, primary);
    if (row.buttons[kind].textContent !== label) row.buttons[kind].textContent = label;
  }
  row.ask = (kind) => {
    globalThis.dispatchEvent(new Event("asemble-flush"));
    row.waits = crypto.getRandomValues(new Uint32Array(4)).join("");
    const fields = [...(globalThis.asembleShown ?? [])].map(([place, text]) => [place, text()]);
    setTriggerValue("wanted", { kind, id: row.waits, shown: Object.fromEntries(fields) });
    show(row, kind);
  };
  const saved = ({ detail }) => {
    if (detail.id !== row.waits) return;
    row.waits = null;
    if (!globalThis.asembleKeeper?.isLeaving?.()) setStateValue("saved", detail.id);
    show(row);
  };
  globalThis.addEventListener("asemble-saved", saved);
  return () => globalThis.removeEventListener("asemble-saved", saved);
}

function makeButton(row, kind, primary) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = primary ? "primary" : "";
  button.onclick = () => row.ask(kind);
  return row.root.appendChild(button);
}

function show(row, asked = null) {
  for (const [kind, button] of Object.entries(row.buttons)) {
    button.disabled = Boolean(row.waits);
    button.setAttribute("aria-busy", String(kind === asked));
  }
}
