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
  Object.assign(field, { most: data.most, place: data.place, tell: (text) => setStateValue("text", text) });
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
  } else if (data.text === field.area.value) sessionStorage.removeItem(UNSAID);
  count(field);
  const flush = () => say(field);
  for (const name of ["asemble-flush", "pagehide"]) globalThis.addEventListener(name, flush);
  return () => {
    for (const name of ["asemble-flush", "pagehide"]) globalThis.removeEventListener(name, flush);
  };
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

function say(field) {
  clearTimeout(field.timer);
  if (field.area.value === field.said) return;
  field.said = field.area.value;
  field.tell(field.said);
}
