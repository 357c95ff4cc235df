// The brush: strokes on the photo, which make masks: white where a style is to be, black where the photo stays.
import { $, element, save, toggle } from "./dom.js";
import { maskName } from "./command.js";
import { masked } from "./meaning.js";
import { changed, onChange, snapshot, state } from "./state.js";
import { label } from "./styles.js";

const LONGEST = 1024;  // pixels of a mask
// A stroke is { target, erase, size, points } with places from 0 to 1 in the photo, and its size as a share of the longer
// side; or { target, invert: true }. The target is a style's id, or null for all styles.

const made = new WeakMap();  // masks by the strokes that they show
let target = null, erase = false, current = null, tint = null;

function canvasFor({ width, height }) {
  const factor = Math.min(1, LONGEST / Math.max(width, height));
  return element("canvas", { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) });
}

function dab(pen, stroke, from = 0) {
  const { width, height } = pen.canvas, size = stroke.size * Math.max(width, height);
  pen.strokeStyle = pen.fillStyle = stroke.erase ? "#000" : "#fff";
  pen.lineWidth = size;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  const points = stroke.points.slice(Math.max(0, from - 1)).map(([x, y]) => [x * width, y * height]);
  if (points.length === 1) {
    pen.arc(...points[0], size / 2, 0, 7);
    pen.fill();
    return;
  }
  points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
  pen.stroke();
}

/** The strokes of a target, drawn. Where the first one erases, all was white before. */
function draw(photo, strokes) {
  const canvas = canvasFor(photo), pen = canvas.getContext("2d");
  pen.fillStyle = !strokes.length || strokes[0].erase ? "#fff" : "#000";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const stroke of strokes) {
    if (!stroke.invert) { dab(pen, stroke); continue; }
    pen.globalCompositeOperation = "difference";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = "source-over";
  }
  return canvas;
}

const of = (strokes, id) => strokes.filter(stroke => stroke.target === id);

/** The mask of a style (its own strokes times those for all), or of all. */
function canvasOf({ photo, strokes }, id) {
  const canvas = draw(photo, of(strokes, id));
  if (id !== null && of(strokes, null).length) {
    const pen = canvas.getContext("2d");
    pen.globalCompositeOperation = "multiply";
    pen.drawImage(draw(photo, of(strokes, null)), 0, 0);
  }
  return canvas;
}

/** The masks of a snapshot as PNG: of all, or of each style by its id. */
export async function maskFiles(kept) {
  const { all, each } = masked(kept);
  const file = async id => {
    if (!made.has(kept.strokes)) made.set(kept.strokes, new Map());
    const known = made.get(kept.strokes);
    if (!known.has(id)) known.set(id, new Promise(done => canvasOf(kept, id).toBlob(done, "image/png")));
    return known.get(id);
  };
  if (each) return { each: new Map(await Promise.all(kept.styles.map(async style => [style.id, await file(style.id)]))) };
  return { all: all ? await file(null) : null };
}

/** What the page draws over the photo while the brush is used: red where the style does not go. */
export function overlay() {
  if (tint || !state.photo) return tint;
  const canvas = draw(state.photo, [...of(state.strokes, target), ...(current ? [current] : [])]), pen = canvas.getContext("2d");
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const dark = 255 - pixels.data[i];
    pixels.data.set([200, 30, 30, dark * 0.5], i);
  }
  pen.putImageData(pixels, 0, 0);
  return tint = canvas;
}

export const size = () => $("brush-size").valueAsNumber / 100;

export function begin(x, y) {
  current = { target, erase, size: size(), points: [[x, y]] };
  tint = null;
}

export function move(x, y) {
  if (!current) return;
  current.points.push([x, y]);
  tint = null;
}

export function end() {
  if (!current) return;
  put([...state.strokes, current]);
  current = null;
}

function put(strokes) {
  state.strokes = strokes;
  tint = null;
  changed("mask");
}

export function undo() {
  if (state.strokes.length) put(state.strokes.slice(0, -1));
}

export function grow(step) {
  $("brush-size").value = $("brush-size").valueAsNumber + step;
}

let setEraser = () => {};
export const toggleEraser = () => setEraser(!erase);

function show() {
  const options = [element("option", { value: "", textContent: state.styles.length > 1 ? "all styles" : "the style" })];
  if (state.styles.length > 1) options.push(...state.styles.map((style, i) => element("option", { value: style.id, textContent: `${i + 1}: ${label(style)}` })));
  if (!state.styles.some(style => style.id === target) || state.styles.length < 2) target = null;
  $("target").replaceChildren(...options);
  $("target").value = target ?? "";
  const none = !state.strokes.length;
  for (const id of ["undo", "clear", "save-mask"]) $(id).disabled = none;
}

export function start(redraw) {
  setEraser = toggle($("eraser"), pressed => { erase = pressed; redraw(); });
  $("undo").onclick = undo;
  $("clear").onclick = () => put([]);
  $("invert").onclick = () => put([...state.strokes, { target, invert: true }]);
  $("brush-size").oninput = redraw;
  $("target").onchange = () => { target = $("target").value ? Number($("target").value) : null; tint = null; redraw(); };
  $("save-mask").onclick = async () => {
    const kept = snapshot(), { all, each } = await maskFiles(kept);
    for (const [id, file] of all ? [[null, all]] : each) save(file, maskName(kept, id));  // a name has the style's present number
  };
  onChange(({ what }) => {
    if (what === "photo") state.strokes = [];
    if (what !== "options" && what !== "weights") { tint = null; show(); redraw(); }
  });
  show();
}
