// What is rendered when: a small preview while something moves, the whole picture when it rests.
import { $, save } from "./dom.js";
import { commandLine, outputName } from "./command.js";
import { maskFiles } from "./brush.js";
import { masked } from "./meaning.js";
import { onChange, percents, snapshot, state } from "./state.js";
import { show as showStyles } from "./styles.js";
import { strokeFor } from "./underpaint.js";
import * as view from "./view.js";

const PREVIEW = 384, PAUSE = 350;  // longest side of a preview; milliseconds without a move that are a rest
const STYLE_RANGE = [192, 512];  // short side to which style pictures are brought, where none is chosen

class StyleProblem extends Error {
  constructor(style, error) { super(error.message); this.style = style; }
}

let backEnd = null, whole = null, preview = null, next = null, timer = 0, kept = () => {}, about = null;
const embeddings = new Map();  // promises, by all that an embedding depends on
const recent = new Map();  // the last embedding of each style, for previews
const numbers = new WeakMap();
let counter = 0;

const number = file => { if (!numbers.has(file)) numbers.set(file, ++counter); return numbers.get(file); };

function side({ photo, options }) {
  if (options.style_size) return options.style_size;
  return Math.max(STYLE_RANGE[0], Math.min(STYLE_RANGE[1], Math.round(Math.min(photo.width, photo.height) / strokeFor(options.stroke, photo.width, photo.height))));
}

const given = style => style.kind === "picture" ? { blob: style.file } : style.kind === "named" ? { name: style.name } : { random: true };

function keyOf(style, length, { seed, spread }) {
  if (style.kind === "picture") return `picture ${number(style.file)} ${length}`;
  if (style.kind === "named") return `named ${style.name}`;
  return style.kind === "random" ? `random ${seed}` : `like ${keyOf(style.of, length, {})} ${seed} ${spread}`;
}

/** The embedding of a style, asked for once. A preview takes the last one of the style while a new one is not there. */
async function embedded(style, now, moving) {
  const length = side(now), { seed, spread } = now.options, key = keyOf(style, length, now.options);
  if (moving && style.kind === "picture" && !embeddings.has(key) && recent.has(style.id)) return recent.get(style.id);
  if (!embeddings.has(key)) {
    const asked = style.kind === "like" ? { like: given(style.of) } : given(style);
    const promise = backEnd.embed(asked, { side: length, seed, spread });
    embeddings.set(key, promise);
    promise.catch(() => embeddings.delete(key));
  }
  try {
    const found = await embeddings.get(key);
    recent.set(style.id, found);
    return found;
  } catch (error) {
    throw new StyleProblem(style, error);
  }
}

/** What the back end is asked to render for a snapshot. */
async function request(now, moving) {
  const shares = percents(now.styles), { each } = masked(now), masks = await maskFiles(now), { colors } = now.options, styles = [];
  let pictures = false;
  for (const [i, style] of now.styles.entries()) {
    if (!each && shares[i] === 0) continue;
    const weight = each ? null : shares[i] / 100, mask = masks.each?.get(style.id) ?? null;
    // Where colors are kept a style's picture is changed after the photo's before it is embedded: it is sent itself.
    const itself = style.kind === "named" || (style.kind === "picture" && colors !== "style");
    pictures ||= style.kind === "picture" && itself;
    styles.push({ ...(itself ? given(style) : { embedding: await embedded(style, now, moving) }), weight, mask });
  }
  const { strength, stroke, texture } = now.options, longest = Math.max(now.photo.width, now.photo.height);
  const factor = moving ? Math.min(1, PREVIEW / longest) : 1;
  const options = { strength, stroke, texture, colors, style_size: pictures ? side(now) : null };
  return { photo: now.photo.file, styles, mask: masks.all ?? null, options, size: factor < 1 ? PREVIEW : null };
}

const ready = () => Boolean(state.photo && state.styles.length);

function busy(text, share = null) {
  $("progress").hidden = !text;
  $("doing").textContent = text ?? "";
  if (share === null) $("bar").removeAttribute("value");
  else $("bar").value = share;
}

function fail(error) {
  if (error.name === "AbortError" || error.superseded) return;
  if (error instanceof StyleProblem) {
    const style = state.styles.find(one => one.id === error.style.id);
    if (style) { style.problem = error.message; showStyles(); return; }
  }
  $("error").textContent = error.message;
}

function clean() {
  $("error").textContent = "";
  if (!state.styles.some(style => style.problem)) return;
  for (const style of state.styles) delete style.problem;
  showStyles();
}

async function show(blob, text) {
  view.setResult(await createImageBitmap(blob));
  $("badge").hidden = !text;
  $("badge").textContent = text;
}

/** Previews run one at a time; of those that wait only the newest is kept. */
async function previewNow() {
  if (preview) { next = true; return; }
  const control = preview = new AbortController();
  try {
    const now = snapshot(), job = await request(now, true);
    const blob = await backEnd.stylize({ ...job, preview: true, signal: control.signal });
    if (!control.signal.aborted) await show(blob, `Preview, ${PREVIEW} pixels`);
  } catch (error) {
    fail(error);
  }
  if (preview !== control) return;
  preview = null;
  if (next) { next = false; previewNow(); }
}

function stopPreview() {
  preview?.abort();
  preview = null;
  next = false;
}

/** The whole picture; what was asked for before is given up. */
async function wholeNow() {
  clearTimeout(timer);
  whole?.abort();
  const control = whole = new AbortController();
  clean();
  busy("Rendering…");
  try {
    const now = snapshot(), job = await request(now, false), limit = about?.rest ?? Infinity;
    const longest = Math.max(now.photo.width, now.photo.height);
    if (longest > limit && !job.size) job.size = limit;
    if (control.signal.aborted) return;
    const begun = performance.now();
    const blob = await backEnd.stylize({ ...job, signal: control.signal });
    if (control.signal.aborted) return;
    const seconds = (performance.now() - begun) / 1000;
    stopPreview();
    await show(blob, "");
    const { width, height } = view.result(), part = width < now.photo.width && !blob.note;
    $("status").textContent = [`${width} × ${height} pixels in ${seconds.toFixed(2)} s.`,
      part ? `The download has ${now.photo.width} × ${now.photo.height}.` : "", blob.note].filter(Boolean).join(" ");
    command(now);
    kept(now, blob);
  } catch (error) {
    fail(error);
  } finally {
    if (whole === control) { whole = null; busy(null); }
  }
}

function command(now) {
  $("command").hidden = false;
  $("line").textContent = commandLine(now, $("format").value);
}

async function download() {
  $("save-error").textContent = "";
  $("download").disabled = true;
  busy("Rendering at full size…");
  try {
    const now = snapshot(), format = $("format").value, job = await request(now, false);
    const blob = await backEnd.stylize({ ...job, format });
    save(blob, outputName(now, format));
    if (blob.note) $("status").textContent = blob.note;
  } catch (error) {
    $("save-error").textContent = error.message;
  } finally {
    $("download").disabled = !ready();
    if (!whole) busy(null);
  }
}

/** Begin: keep is called with a snapshot and its picture. */
export function start(chosen, keep) {
  backEnd = chosen;
  kept = keep;
  backEnd.progress(({ text, share }) => { if (whole || preview) busy(text, share); });
  $("download").onclick = download;
  $("format").onchange = () => { if (ready()) command(snapshot()); };
  $("copy").onclick = async () => {
    try {
      await navigator.clipboard.writeText($("line").textContent);
      $("copy").textContent = "Copied";
    } catch {
      getSelection().selectAllChildren($("line"));
      $("copy").textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { $("copy").textContent = "Copy"; }, 2500);
  };
  onChange(({ moving }) => {
    $("download").disabled = !ready();
    clearTimeout(timer);
    if (!ready()) {
      whole?.abort();
      stopPreview();
      view.setResult(null);
      $("badge").hidden = true;
      $("status").textContent = state.photo ? "Choose a style: press a name, or drop a painting." : state.styles.length ? "Choose a photo." : "";
      return;
    }
    if (!moving) { wholeNow(); return; }
    whole?.abort();
    previewNow();
    timer = setTimeout(wholeNow, PAUSE);
  });
}

export const setAbout = value => { about = value; };
export const again = wholeNow;
