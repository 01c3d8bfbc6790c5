// What the modules of the viewer share. Read by the type checker alone: no browser loads this file.

/** (row, column) on a slice as shown; whole numbers are the middles of its pixels. */
type Place = [number, number];
/** (x, y) in pixels of the page or of a canvas. */
type Point = [number, number];
/** Rows of numbers that take (slice, row, column, 1) to LPS mm. */
type Affine = number[][];
type Vector = number[];
type Joint = "right" | "left";
type Layer = "sacrum" | "right_ilium" | "left_ilium" | "oedema";
/** A ruler's ends; an angle's end, vertex and other end; an arrow's tail and tip; a circle's middle and edge; a closed line. */
type Kind = "ruler" | "angle" | "arrow" | "region" | "outline" | "reference";
type Tool = "window" | "pan" | Kind | "joints" | "mark";

/** How the panes are laid out; `rows` where they belong to several time points. */
type Layout = "1" | "1+1" | "2×2" | "1+3" | "rows";
/** Which planes are drawn as lines on the others: none, of the slices that are shown, of all slices of the active pane. */
type Lines = "none" | "shown" | "all";

/** Where the slices of a series lie: what linking and reference lines need. */
interface Geometry {
  slices: number;
  rows: number;
  columns: number;
  /** Millimetres (or, without voxel sizes, 1) of a row and of a column. */
  pixel: [number, number];
  affine: Affine | null;
  plane: string | null;
  /** UID of the frame of reference; null where the files state none. */
  frame: string | null;
  /**
   * Added in mm along the slice axis (towards left, posterior or superior) where slices are compared with
   * those of another frame of reference; null where only its own is compared.
   */
  offset_mm: number | null;
}

/** What Python tells of a pane (`_pane` in `__init__.py`). */
interface PaneData extends Geometry {
  id: string;
  /** Keys of what the courier brings. */
  stack: string;
  heat: string | null;
  outlines: string | null;
  /** Why the series is not shown; empty where it is. */
  refused: string;
  title: string;
  subtitle: string;
  /** Of the time point, such as "Prior"; panes of one label stand in one row. Empty without. */
  row: string;
  badge: string;
  unit: string;
  letters: Letters | null;
  places: string[];
  unknown: string;
  start: number;
  jump: number;
  place: string;
  marking: Marking | null;
  measures: Measure[];
  /** Slices that go on the report. */
  key_slices: number[];
}

/** What Python tells of marks and joint lines (`asemble.ui.marking.shown`). */
interface Marking {
  slices: LinesHere[];
  marks: Mark[];
  note: string;
  question: Question | null;
}
interface LinesHere {
  right: Place[] | null;
  left: Place[] | null;
  own: Joint[];
  proposed: Joint[];
  words: string;
  refusal: string;
}
interface Quadrant { joint: string; half: string; bone: string }
interface Mark {
  lesion: string;
  slice: number;
  is_deep: boolean;
  is_intense: boolean;
  of: Quadrant;
  quadrant: string;
  place: Place | null;
  moved: string;
}
interface Question { number: number; slice: number; place: Place; words: string }

/** A stack of slices as the courier brings it: `values * slope + intercept` are those of the series. */
interface Stack {
  key: string;
  shape: [slices: number, rows: number, columns: number];
  values: Uint16Array;
  slope: number;
  intercept: number;
  /** [black, white] by the name of a preset. */
  windows: Record<string, [number, number]>;
}
interface Heat { key: string; shape: [number, number, number]; values: Uint8Array; empty: boolean[] }
type Outlines = Partial<Record<Layer, Place[][]>>[];
/** Whatever the courier brings, before the pane that asked knows it for what it is. */
interface Brought {
  key: string;
  bits: 8 | 16;
  shape: number[];
  values: Uint8Array | Uint16Array;
  outlines?: Outlines;
  /** Whether oedema was looked for when these outlines were found. */
  has_oedema?: boolean;
}
interface CourierHeader extends Omit<Brought, "values"> {
  /** Of one piece of several: where it begins and how many numbers there are in all. */
  from?: number;
  values?: number;
}
interface Coming { stack: Brought; arrived: Map<number, { length: number; of: CourierHeader }> }

/** Letters at the left, right, upper and lower edge. */
type Letters = [string, string, string, string];
/** Quarter turns clockwise of a slice, after it was mirrored from left to right. */
interface Turned { turns: number; isMirrored: boolean }
/** How a slice is looked at: magnified, moved in CSS pixels, turned. */
interface View extends Turned { zoom: number; shift: Point }
/** The greys: values of the series that are black and white. */
interface Greys { black: number; white: number }
/**
 * Where a slice lies on a canvas: the box around it, and from its first corner the way along a row
 * and down a column. `scale` is its pixels a mm.
 */
interface Frame {
  x: number; y: number; width: number; height: number; scale: number;
  corner: Point; across: Point; down: Point;
}

/** What was drawn on a slice; `number` names it among those of its series, 0 while it is in hand. */
interface Measure { number: number; kind: Kind; slice: number; points: Place[]; text: string }
interface Draft { slice: number; points: Place[]; said?: number }
interface Grip { joint: Joint; k: number }
interface Drag {
  act: Tool | "pinch" | "scroll";
  from: Place;
  x: number;
  y: number;
  travelled: number;
  grip?: Grip | null;
  /** Whether it draws the second arm of an angle. */
  isSecond?: boolean;
}

interface PaneParts {
  box: HTMLElement;
  picture: HTMLElement;
  canvas: HTMLCanvasElement;
  absent: HTMLElement;
  strip: HTMLElement;
  said: HTMLElement;
  question: HTMLElement;
  place: HTMLElement;
  scrubber: HTMLInputElement;
  measured: HTMLElement;
  heatWord: HTMLElement;
  outlineWord: HTMLElement;
  linkWord: HTMLElement;
  keyWord: HTMLElement;
}

interface Sheet { canvas: OffscreenCanvas; pixels: ImageData; shows: string }

/** One series in the viewer, and how the reader looks at it. */
interface Pane extends View, Greys {
  data: PaneData;
  number: number;
  parts: PaneParts;
  watch: ResizeObserver | null;
  index: number;
  /** The last jump of the server that the pane followed. */
  jump: number | null;
  /** Where it stood when the reader linked it by hand. */
  anchor: number;
  inverted: boolean;
  stack: Stack | null;
  heat: Heat | null;
  outlines: Outlines | null;
  hasOedema: boolean;
  sheet: Sheet | null;
  /** The measure in hand. */
  drawing: Measure | null;
  /** Where the pointer was last, from the upper left of what is drawn. */
  over: Point | null;
  drafts: Partial<Record<Joint, Draft>>;
  cross: Place | null;
  held: Grip | null;
  drag: Drag | null;
  wheel: number;
  pointers: Map<number, Point>;
  /** When and where the last click was, to tell a double one. */
  clicked: { at: number; x: number; y: number } | null;
}
/** A pane whose slices have arrived. */
type Drawn = Pane & { stack: Stack };

/** A word for the server, with a number until it has heard of it. */
type Said = { number: number; what: string } & Partial<{
  order: string[]; offsets_mm: Record<string, number>; slice: number; place: Place; of: Quadrant | null; question: number; joint: Joint; points: Place[];
  kind: Kind; text: string; measure: number; gone: number[];
  series: string; lesion: string; is_deep: boolean; is_intense: boolean;
}>;

/** What a browser remembers from study to study (`memory.js`). */
interface Remembered {
  layout?: Layout;
  lines?: Lines;
  /** Black and white by the title of a series, in shares of its usual window. */
  windows?: Record<string, [number, number]>;
}

/** Every series of the study, and under which key the courier brings their pictures. */
interface Shelf { pictures: string; series: { id: string; title: string; subtitle: string }[] }

interface ViewerParts {
  bar: HTMLElement;
  tools: Record<Tool, HTMLButtonElement>;
  layouts: Record<Layout, HTMLButtonElement>;
  hint: HTMLElement;
  preset: HTMLSelectElement;
  invert: HTMLButtonElement;
  keyImage: HTMLButtonElement;
  cine: HTMLButtonElement;
  linked: HTMLButtonElement;
  linkedByHand: HTMLButtonElement;
  level: HTMLButtonElement;
  lines: HTMLButtonElement;
  jointRow: HTMLElement;
  markRow: HTMLElement;
  heatRow: HTMLElement;
  heatOn: HTMLInputElement;
  opacity: HTMLInputElement;
  threshold: HTMLInputElement;
  thresholdValue: HTMLElement;
  contour: HTMLInputElement;
  colours: HTMLCanvasElement;
  outlineRow: HTMLElement;
  bones: HTMLInputElement;
  oedema: HTMLInputElement;
  legend: HTMLElement;
  keys: HTMLDialogElement;
}

type Colour = [red: number, green: number, blue: number, alpha: number];

/** What its panes share. */
interface Viewer {
  root: HTMLElement;
  stage: HTMLElement;
  offers: Shelf | null;
  shelf: { root: HTMLElement; of: string; pictures: Brought | undefined; buttons: { id: string; button: HTMLButtonElement }[] };
  name: string;
  parts: ViewerParts;
  panes: Pane[];
  active: Pane | null;
  layout: Layout;
  /** Whether the window shows one pane, whatever the browser remembers. */
  isNarrow: boolean;
  /** The pane that a double click made the only one. */
  maximised: Pane | null;
  lines: Lines;
  tool: Tool;
  linked: boolean;
  linkedByHand: boolean;
  cine: ReturnType<typeof setInterval> | null;
  colours: Colour[];
  heat: { on: boolean; opacity: number; threshold: number; contour: boolean };
  outlined: { bones: boolean; oedema: boolean };
  lesion: { lesion: string; is_deep: boolean; is_intense: boolean };
  /** Words on their way, and how many were said and heard. */
  queue: Said[];
  said: number;
  heard: number;
  reports: number;
  restsMs: number | null;
  rests: ReturnType<typeof setTimeout> | null;
  frame: number | null;
  call: object | null;
  tell: (name: string, value: object) => void;
  rested: (slices: Record<string, number>) => void;
  arrived: () => void;
  leaves: () => void;
  resized: () => void;
}

interface ViewerData {
  panes: PaneData[];
  shelf: Shelf | null;
  colours: Colour[];
  has_heat_row: boolean;
  rests_ms: number | null;
  heard: Record<string, number>;
}

/** What is drawn on: `at` takes a place of the slice to the canvas. */
interface Painter {
  ink: CanvasRenderingContext2D;
  ratio: number;
  data: PaneData;
  frame: Frame;
  at: (place: Place) => Point;
}
