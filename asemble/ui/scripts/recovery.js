// Keeps a reading through what happens to a page: a reload, a connection that is lost, a server
// that is started again, a second tab. One for the tab, whatever page is drawn; `recovery.py` says
// what it is told and what it answers.

const BEAT_MS = 3000; // between two looks at the server
const PATIENCE_MS = 5000; // for its answer
const AGAIN_MS = 1000; // after a look that failed
const MISSED = 2; // looks that fail before the page is covered
const RELOAD_AFTER_MS = 12000; // the server answers again, but this page is not drawn by it
const LOCK_TRIES = 8; // 100 ms each: a page that is reloaded lets go of its lock a little late
const STATUS = '[data-testid="stConnectionStatus"]';
const LINKS = '[data-testid="stPageLink-NavLink"]';
const LEAVES_AFTER_MS = 30; // Streamlit sends what widgets say a tick later than it changes the page
const ARRIVES_WITHIN_MS = 1500;
/** @type {Record<keyof Kept, string>} */
const HELD = { token: "asemble.token", lock: "asemble.lock", process: "asemble.process", user: "asemble.user", reading: "asemble.reading" };

const VISIT = "X-Asemble-Visit"; // of `server.py`, as the next
const DEED = "X-Asemble-Deed";
const DEEDS = ["pointerdown", "pointermove", "wheel", "keydown"];

const UNSAID = "asemble.unsaid"; // of `comments.js`

/** @type {Recovery} */
const recovery = (globalThis.asembleRecovery ??= {
  data: /** @type {any} */ (null), // told with the first page
  visit: null, claim: null, copied: null, moves: null, lock: null, letGo: null, missed: 0, backSince: null,
  count: -1, deed: false, going: null, leaving: false, beats: null, channel: null, cover: null,
  tell: () => {}, write, isLeaving,
});

/** @type {(name: keyof Kept) => string | null} */
const held = (name) => sessionStorage.getItem(HELD[name]);

/** @param {Mount<RecoveryData>} mount */
export default function ({ data, setTriggerValue }) {
  recovery.data = data;
  // A claim that is not answered yet goes with every word: a newer word may overtake an older one.
  recovery.tell = (said) => void setTriggerValue("said", { ...said, claim: recovery.claim });
  if (recovery.visit !== data.visit) {
    recovery.visit = data.visit;
    claim();
  } else if (recovery.claim && data.phase === "new") recovery.tell({});
  else take(data);
  if (data.takes_over && recovery.copied) {
    recovery.claim = recovery.copied;
    recovery.moves = recovery.copied.lock;
    recovery.copied = null;
    recovery.tell({});
  }
  if (!recovery.beats) begin();
}

/**
 * The reading after so many edits; a part of the page may have told of later ones.
 * @type {Recovery["write"]}
 */
function write({ reading, count }) {
  if (count < recovery.count || !held("token")) return;
  recovery.count = count;
  sessionStorage.setItem(HELD.reading, reading);
}

// A session that is new to this tab: what was open here before?
async function claim() {
  const [token, lock, process, user, reading] = [held("token"), held("lock"), held("process"), held("user"), held("reading")];
  if (!token && !reading) return;
  if (lock && recovery.lock !== lock && !(await hold(lock))) {
    // Another tab has it: this one was duplicated, and storage with it.
    recovery.copied = { token, lock, process, user, reading };
    forget();
    recovery.tell({ is_copy: true });
    return;
  }
  recovery.claim = { token, process, user, reading };
  recovery.tell({});
}

/**
 * Keep in this tab what the server says is to be kept.
 * @type {(data: RecoveryData) => void}
 */
function take({ phase, token, lock, process, user, reading, count }) {
  const last = recovery.claim ? null : held("lock"); // of what this tab had open until now
  recovery.claim = null;
  if (last && (phase === "closed" || (phase === "open" && lock !== last))) recovery.channel?.postMessage({ closed: last });
  if (phase === "closed" || phase === "moved") forget();
  if (phase === "ended") for (const name of [HELD.token, HELD.lock, HELD.process]) sessionStorage.removeItem(name);
  const moved = recovery.moves;
  recovery.moves = null;
  if (phase !== "open") return;
  // Not before: the tab that had it asks at once, and must hear that the study is gone from it.
  if (moved) recovery.channel?.postMessage({ moved });
  if (token !== held("token")) recovery.count = -1; // another study, or after a claim
  sessionStorage.setItem(HELD.token, token);
  sessionStorage.setItem(HELD.lock, lock);
  sessionStorage.setItem(HELD.process, process);
  sessionStorage.setItem(HELD.user, user);
  recovery.write({ reading, count });
  if (recovery.lock !== lock) hold(lock);
}

function forget() {
  globalThis.asemblePlaces?.clear(); // of `viewer.js`
  [...Object.values(HELD), UNSAID].forEach((name) => sessionStorage.removeItem(name));
}

/**
 * A lock that the browser frees when the tab is gone; false where another tab has it. Where a page
 * may have no locks (plain HTTP from another machine) the server alone decides.
 * @type {(lock: string) => Promise<boolean>}
 */
async function hold(lock) {
  if (!navigator.locks) return true;
  recovery.letGo?.();
  recovery.lock = lock;
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    const got = await new Promise((resolve) => {
      navigator.locks.request(lock, { ifAvailable: true }, (held) => {
        resolve(Boolean(held));
        return held && new Promise((free) => (recovery.letGo = free));
      });
    });
    if (got) return true;
    await new Promise((resume) => setTimeout(resume, 100));
  }
  recovery.lock = recovery.letGo = null;
  return false;
}

function begin() {
  recovery.channel = new BroadcastChannel("asemble");
  recovery.channel.onmessage = (/** @type {MessageEvent<{ closed?: string, moved?: string }>} */ { data }) => {
    if (data.closed && data.closed === recovery.copied?.lock) {
      recovery.copied = null; // what is closed is forgotten in its copies, too
      recovery.tell({ is_closed: true });
    }
    if (!data.moved || data.moved !== recovery.lock) return;
    recovery.letGo?.();
    recovery.lock = recovery.letGo = null;
    forget();
    recovery.tell({});
  };
  globalThis.addEventListener("offline", () => cover());
  for (const deed of DEEDS) document.addEventListener(deed, () => { recovery.deed = true; }, { capture: true, passive: true });
  document.addEventListener("click", leave, true);
  globalThis.addEventListener("popstate", () => { recovery.going = null; });
  const beat = async () => {
    const seen = await look();
    if (seen === null) {
      recovery.missed += 1;
      if (recovery.missed >= MISSED) cover();
    } else {
      recovery.missed = 0;
      if (recovery.cover) comeBack(seen);
      else if (hasGivenUp() && performance.now() > RELOAD_AFTER_MS) location.reload();
    }
    recovery.beats = setTimeout(beat, seen === null || recovery.cover ? AGAIN_MS : BEAT_MS);
  };
  recovery.beats = setTimeout(beat, BEAT_MS);
  // The viewer's modules, before a page asks for them; where they do not come now, it asks again.
  import(location.origin + recovery.data.viewer).catch(() => {});
}

/**
 * A page is left once all that was said on it is on its way: what is sent after the request for
 * another page would call this one back.
 * @type {(event: MouseEvent) => void}
 */
function leave(event) {
  // Who acts on the page that was gone to may leave it again, also by a button.
  if (event.isTrusted && here() === recovery.going) recovery.going = null;
  const link = event.target instanceof Element ? /** @type {HTMLAnchorElement | null} */ (event.target.closest(LINKS)) : null;
  if (!link || recovery.leaving || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  globalThis.dispatchEvent(new Event("asemble-flush"));
  if (pathOf(link) === here()) return; // this page is there already
  recovery.going = pathOf(link);
  setTimeout(() => go(link), LEAVES_AFTER_MS);
}

function isLeaving() {
  return recovery.going !== null && here() !== recovery.going; // that of the home page is ""
}

const here = () => location.pathname.replace(/\/$/, "");

/**
 * Where a link leads: that of the home page has no address, and the others lie beside it.
 * @type {(link: HTMLAnchorElement) => string}
 */
const pathOf = (link) =>
  (link.getAttribute("href") ? new URL(link.href).pathname : location.pathname.replace(/[^/]*$/, "")).replace(/\/$/, "");

/**
 * Whatever the last page still had to say may call it back all the same: then once more.
 * @type {(link: HTMLAnchorElement) => void}
 */
function go(link) {
  const path = pathOf(link);
  if (recovery.going !== path) return;
  recovery.leaving = true;
  link.click();
  recovery.leaving = false;
  setTimeout(() => {
    if (recovery.going !== path) return;
    const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(LINKS));
    const again = [...links].find((each) => pathOf(each) === path);
    if (here() !== path && again) go(again);
    else recovery.going = null;
  }, ARRIVES_WITHIN_MS);
}

/**
 * Which server answers, or null where none does. It is told that there is somebody: much that a
 * reader does in the viewer asks nothing of it.
 * @returns {Promise<Seen | null>}
 */
async function look() {
  /** @type {Record<string, string>} */
  const headers = {};
  if (recovery.visit && (recovery.deed || recovery.cover)) headers[VISIT] = recovery.visit;
  if (recovery.deed) headers[DEED] = "1";
  recovery.deed = false;
  try {
    const answer = await fetch(recovery.data.alive, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// Streamlit's page has met a message that it cannot use, and listens to the server no more.
const hasGivenUp = () => document.querySelector(STATUS)?.textContent.includes("Error");

function cover() {
  recovery.backSince = null;
  if (recovery.cover) return;
  const words = document.createElement("div");
  words.style.cssText =
    "max-width:30rem;padding:1.4rem 1.6rem;border-radius:6px;font:1rem/1.5 system-ui,sans-serif;" +
    "background:#171c22;color:#d5dbe1;border:1px solid #e0a13c";
  for (const [tag, text] of [["strong", "Connection lost"], ["div", recovery.data.lost]]) {
    words.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
  }
  recovery.cover = document.createElement("div");
  recovery.cover.id = "asemble-lost";
  recovery.cover.setAttribute("role", "alertdialog");
  recovery.cover.setAttribute("aria-live", "assertive");
  recovery.cover.setAttribute("aria-label", "Connection lost");
  recovery.cover.style.cssText =
    "position:fixed;inset:0;z-index:2147483000;display:grid;place-items:center;background:rgb(0 0 0/.6)";
  recovery.cover.append(words);
  document.body.append(recovery.cover);
  document.getElementById("root")?.setAttribute("inert", "");
}

/**
 * The server answers: the cover goes once the session of this page is connected, and the page is
 * drawn again after what it is busy with. After a restart there is no such session.
 * @type {(seen: Seen) => void}
 */
function comeBack(seen) {
  recovery.backSince ??= Date.now();
  if (seen.is_connected && !document.querySelector(STATUS)) {
    uncover();
    recovery.tell({});
  } else if (seen.process !== recovery.data.process || Date.now() - recovery.backSince > RELOAD_AFTER_MS) location.reload();
}

function uncover() {
  recovery.cover?.remove();
  recovery.cover = recovery.backSince = null;
  document.getElementById("root")?.removeAttribute("inert");
}
