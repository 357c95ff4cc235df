// What the page is about to render, and who is told of a change.

export const DEFAULTS = { strength: 1, stroke: null, texture: 1, colors: "style", style_size: null, seed: 0, spread: 0.3 };
export const MOST_STYLES = 8;

export const state = {
  model: null,  // the name of the one that renders, once it is known
  photo: null,  // { file, name, width, height }
  styles: [],  // see styles.js
  options: { ...DEFAULTS },
  strokes: [],  // of the brush, see brush.js; a list that is never changed, but replaced: masks are kept by it
};

const events = new EventTarget();

/** Tell of a change: "photo", "styles", "options", "mask" or "weights"; `moving` while a slider is held. */
export function changed(what, moving = false) {
  events.dispatchEvent(new CustomEvent("change", { detail: { what, moving } }));
}

export function onChange(call) {
  events.addEventListener("change", ({ detail }) => call(detail));
}

/** What a picture depends on, to be kept in the history. */
export function snapshot() {
  return { photo: state.photo, styles: state.styles.map(style => ({ ...style })), options: { ...state.options }, strokes: state.strokes };
}

export function restore(kept) {
  state.photo = kept.photo;
  state.styles = kept.styles.map(style => ({ ...style }));
  state.options = { ...kept.options };
  state.strokes = kept.strokes;
  changed("all");
}

/** Whole percents of the styles' weights, which sum to 100. */
export function percents(styles = state.styles) {
  const sum = styles.reduce((total, style) => total + style.weight, 0);
  const exact = styles.map(style => (sum ? style.weight / sum : 1 / styles.length) * 100), whole = exact.map(Math.floor);
  const order = exact.map((value, i) => [value - whole[i], i]).sort((a, b) => b[0] - a[0]);
  let left = 100 - whole.reduce((a, b) => a + b, 0);
  for (const [, i] of order) if (left-- > 0) whole[i]++;
  return whole;
}
