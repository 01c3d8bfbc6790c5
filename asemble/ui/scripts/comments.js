// A field for text that says what it holds when the reader pauses, at once when the reader leaves
// it, and before anything is made of it (`asemble-flush`). Python's own words replace what it holds
// only when their `revision` is new: what is being typed is never overwritten. What Python has not
// answered yet is kept in the tab, for a page that is loaded again meanwhile.

const SAYS_AFTER_MS = 600;
const UNSAID = "asemble.unsaid";

/**
 * @typedef {object} Field
 * @property {HTMLLabelElement} label
 * @property {HTMLTextAreaElement} area
 * @property {HTMLElement} limit
 * @property {HTMLElement} hint
 * @property {HTMLElement} count
 * @property {number} most characters
 * @property {string} place in the reading
 * @property {string | null} said what Python was told last
 * @property {number} number of what was said
 * @property {number} [revision] of Python's words in it
 * @property {ReturnType<typeof setTimeout>} [timer]
 * @property {AbortController | null} listening to the page, while it is drawn
 * @property {(text: string) => void} tell
 */

/** @type {WeakMap<Element, Field>} */
const fields = new WeakMap();

/** @param {Mount<{ label: string, text: string, rows: number, most: number, hint: string, revision: number, place: string }>} mount */
export default function ({ data, parentElement, setStateValue }) {
  const root = /** @type {Element} */ (parentElement.querySelector(".comments"));
  const field = fields.get(root) ?? makeField(root);
  fields.set(root, field);
  // Numbered: what is said again, because no answer shows it, has to differ from what was said.
  /** @type {(text: string) => void} */
  const tell = (text) => setStateValue("text", { text, number: (field.number += 1) });
  Object.assign(field, { most: data.most, place: data.place, tell });
  const shown = (globalThis.asembleShown ??= new Map()); // for files that are made of it
  shown.set(data.place, () => field.area.value);
  field.label.textContent = data.label;
  field.hint.textContent = data.hint;
  field.area.rows = data.rows;
  if (field.revision !== data.revision) {
    field.revision = data.revision;
    field.area.value = field.said = data.text;
    field.limit.textContent = "";
    const unsaid = JSON.parse(sessionStorage.getItem(UNSAID) ?? "null");
    if (unsaid?.place === data.place) {
      field.area.value = unsaid.text;
      say(field);
    }
  } else if (data.text === field.area.value) {
    clearTimeout(field.timer);
    field.said = data.text;
    sessionStorage.removeItem(UNSAID);
  } else if (data.text !== field.said) sayAgain(field);
  count(field);
  field.listening ??= listen(field); // once, however often it is drawn
  return () => {
    shown.delete(data.place);
    field.listening?.abort();
    field.listening = null;
  };
}

/** @type {(field: Field) => AbortController} */
function listen(field) {
  const listening = new AbortController();
  for (const name of ["asemble-flush", "pagehide"]) {
    globalThis.addEventListener(name, () => say(field), { signal: listening.signal });
  }
  return listening;
}

/** @type {(root: Element) => Field} */
function makeField(root) {
  const label = Object.assign(document.createElement("label"), { className: "label", htmlFor: "area" });
  const area = Object.assign(document.createElement("textarea"), { className: "area", id: "area" });
  const limit = Object.assign(document.createElement("div"), { className: "limit" });
  const foot = Object.assign(document.createElement("div"), { className: "foot" });
  root.append(label, area, limit, foot);
  const hint = foot.appendChild(document.createElement("span"));
  const count = foot.appendChild(Object.assign(document.createElement("span"), { className: "count" }));
  /** @type {Field} */
  const field = { label, area, limit, hint, count, most: 0, place: "", said: null, number: 0, listening: null, tell: () => {} };
  field.limit.setAttribute("role", "status");
  field.area.oninput = () => typed(field);
  field.area.onblur = () => say(field);
  field.area.onkeydown = (event) => {
    event.stopPropagation(); // Streamlit has keys of its own
    if (event.altKey || event.ctrlKey || event.metaKey) say(field);
  };
  return field;
}

/** @type {(field: Field) => void} */
function typed(field) {
  const letters = [...field.area.value]; // as Python counts them
  const over = letters.length - field.most;
  if (over > 0) {
    field.area.value = letters.slice(0, field.most).join("");
    field.limit.textContent =
      `A comment has at most ${field.most.toLocaleString("en")} characters: the last ${over.toLocaleString("en")} were left out.`;
  } else if (over < 0) field.limit.textContent = "";
  count(field);
  sessionStorage.setItem(UNSAID, JSON.stringify({ place: field.place, text: field.area.value }));
  clearTimeout(field.timer);
  field.timer = setTimeout(() => say(field), SAYS_AFTER_MS);
}

/** @type {(field: Field) => void} */
function count(field) {
  const used = [...field.area.value].length;
  field.count.textContent = `${used.toLocaleString("en")} of ${field.most.toLocaleString("en")}`;
}

/**
 * An answer without what was said: it may have been on its way, or what was said got lost.
 * @type {(field: Field) => void}
 */
function sayAgain(field) {
  clearTimeout(field.timer);
  field.said = null;
  field.timer = setTimeout(() => say(field), SAYS_AFTER_MS);
}

/** @type {(field: Field) => void} */
function say(field) {
  clearTimeout(field.timer);
  // Neither from a field that is gone nor on the way to another page, which it would call back: what
  // is not said yet is in the tab, and is said when this page is drawn again.
  if (!field.area.isConnected || field.area.value === field.said) return;
  if (globalThis.asembleRecovery?.isLeaving?.()) return;
  field.said = field.area.value;
  field.tell(field.said);
}
