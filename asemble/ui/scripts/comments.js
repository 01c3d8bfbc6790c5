// A field for text that says what it holds when the reader pauses, at once when the reader leaves
// it, and before anything is made of it (`asemble-flush`). Python's own words replace what it holds
// only when their `revision` is new: what is being typed is never overwritten. What Python has not
// answered yet is kept in the tab, for a page that is loaded again meanwhile.

const SAYS_AFTER_MS = 600;
const UNSAID = "asemble.unsaid";
const fields = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".comments");
  const field = fields.get(root) ?? makeField(root);
  fields.set(root, field);
  // Numbered: what is said again, because no answer shows it, has to differ from what was said.
  const tell = (text) => setStateValue("text", { text, number: (field.number = (field.number ?? 0) + 1) });
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
    const unsaid = JSON.parse(sessionStorage.getItem(UNSAID));
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

function listen(field) {
  const listening = new AbortController();
  for (const name of ["asemble-flush", "pagehide"]) {
    globalThis.addEventListener(name, () => say(field), { signal: listening.signal });
  }
  return listening;
}

function makeField(root) {
  const make = (tag, className, props = {}) =>
    root.appendChild(Object.assign(document.createElement(tag), { className, ...props }));
  const field = {
    label: make("label", "label", { htmlFor: "area" }),
    area: make("textarea", "area", { id: "area" }),
    limit: make("div", "limit"),
    foot: make("div", "foot"),
  };
  field.hint = field.foot.appendChild(document.createElement("span"));
  field.count = field.foot.appendChild(Object.assign(document.createElement("span"), { className: "count" }));
  field.limit.setAttribute("role", "status");
  field.area.oninput = () => typed(field);
  field.area.onblur = () => say(field);
  field.area.onkeydown = (event) => {
    event.stopPropagation(); // Streamlit has keys of its own
    if (event.altKey || event.ctrlKey || event.metaKey) say(field);
  };
  return field;
}

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

function count(field) {
  const used = [...field.area.value].length;
  field.count.textContent = `${used.toLocaleString("en")} of ${field.most.toLocaleString("en")}`;
}

// An answer without what was said: it may have been on its way, or what was said got lost.
function sayAgain(field) {
  clearTimeout(field.timer);
  field.said = null;
  field.timer = setTimeout(() => say(field), SAYS_AFTER_MS);
}

function say(field) {
  clearTimeout(field.timer);
  // Neither from a field that is gone nor on the way to another page, which it would call back: what
  // is not said yet is in the tab, and is said when this page is drawn again.
  if (!field.area.isConnected || field.area.value === field.said) return;
  if (globalThis.asembleKeeper?.isLeaving?.()) return;
  field.said = field.area.value;
  field.tell(field.said);
}
