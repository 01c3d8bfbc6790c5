// What Streamlit calls a component with, and what components of one page share over `globalThis`.
// Read by the type checker alone: no browser loads this file.

/** What the default export of a component gets. */
interface Mount<Data> {
  data: Data;
  key: string;
  parentElement: ParentNode;
  /** Kept until it is said anew. */
  setStateValue: (name: string, value: unknown) => void;
  /** Heard once. */
  setTriggerValue: (name: string, value: unknown) => void;
}

/** What a tab keeps of a reading (`state.for_the_tab`). */
interface Kept {
  token: string;
  lock: string;
  process: string;
  user: string;
  reading: string;
}
interface RecoveryData extends Kept {
  visit: string;
  phase: "new" | "open" | "closed" | "moved" | "ended";
  count: number;
  takes_over: boolean;
  alive: string;
  /** Path of the viewer's entry. */
  viewer: string;
  lost: string;
}
/** What was kept, some of which an older page may not have. */
type Claim = { [name in keyof Kept]: string | null };

/** Which process answers, and whether it is connected with the page of the tab that asks. */
interface Seen {
  process: string;
  is_connected: boolean;
}

/** One for the tab, whatever page is drawn (`recovery.js`). */
interface Recovery {
  data: RecoveryData;
  visit: string | null;
  claim: Partial<Claim> | null;
  copied: Claim | null;
  moves: string | null;
  lock: string | null;
  letGo: ((value?: unknown) => void) | null;
  missed: number;
  backSince: number | null;
  /** Edits in the reading that is kept. */
  count: number;
  /** Whether the reader did something since the server was last told so. */
  deed: boolean;
  /** The path of the page that the reader is on the way to. */
  going: string | null;
  leaving: boolean;
  beats: ReturnType<typeof setTimeout> | null;
  channel: BroadcastChannel | null;
  cover: HTMLElement | null;
  tell: (said: object) => void;
  write: (data: { reading: string; count: number }) => void;
  isLeaving: () => boolean;
}

/** A file was handed over. */
interface Saved extends Event { detail: { id: string } }
interface WindowEventMap { "asemble-saved": Saved }

/** What the couriers have brought, and what is still coming in pieces, by key. */
declare var asembleStacks: Map<string, Brought> | undefined;
declare var asembleComing: Map<string, Coming> | undefined;
/** Where the reader left each series, by its place. */
declare var asemblePlaces: Map<string, { index: number; jump: number | null }> | undefined;
declare var asembleRecovery: Recovery | undefined;
/** What the fields on the page hold, by their places. */
declare var asembleShown: Map<string, () => string> | undefined;
/** Files that were given, so that a page that is drawn again gives none twice. */
declare var asembleGiven: Set<string> | undefined;
