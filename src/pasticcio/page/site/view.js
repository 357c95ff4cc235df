// The picture: before and after with a divider between them, zoom, and the place where the brush paints.
import { $, clamp, toggle } from "./dom.js";
import * as brush from "./brush.js";
import { state } from "./state.js";

const canvas = $("view"), pen = canvas.getContext("2d");
const MOST = 16, REACH = 16;  // largest zoom over fitting; pixels around the divider in which it is taken
let before = null, after = null, divider = 0, zoom = 1, center = [0.5, 0.5], painting = false, peeking = false, queued = false;
let cursor = null, setBrush = () => {};
const pointers = new Map();
let gesture = null;

const size = () => [canvas.clientWidth, canvas.clientHeight];

/** Where the photo lies on the canvas, in CSS pixels. */
function place() {
  const [width, height] = size(), { width: w, height: h } = state.photo, fit = Math.min(width / w, height / h);
  const wide = w * fit * zoom, tall = h * fit * zoom;
  const axis = (room, length, share) => length <= room ? (room - length) / 2 : clamp(room / 2 - share * length, room - length, 0);
  return { x: axis(width, wide, center[0]), y: axis(height, tall, center[1]), wide, tall };
}

const inPhoto = ([x, y]) => { const box = place(); return [(x - box.x) / box.wide, (y - box.y) / box.tall]; };
const line = () => { const box = place(); return box.x + clamp(divider, 0, 1) * box.wide; };

export function draw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(paint);
}

function paint() {
  queued = false;
  const [width, height] = size(), ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!before) return;
  const box = place();
  pen.imageSmoothingQuality = "high";
  pen.drawImage(after && !peeking ? after : before, box.x, box.y, box.wide, box.tall);
  if (after && !peeking && divider > 0) {
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, line(), height);
    pen.clip();
    pen.drawImage(before, box.x, box.y, box.wide, box.tall);
    pen.restore();
  }
  if (painting) {
    pen.drawImage(brush.overlay(), box.x, box.y, box.wide, box.tall);
    if (cursor) ring(box);
  } else if (after && !peeking) handle(clamp(line(), 0, width), height);
  const [w] = [state.photo.width];
  $("zoom").textContent = `${Math.round(100 * box.wide * ratio / w)}%`;
}

function ring(box) {
  const [x, y] = cursor, radius = brush.size() * Math.max(box.wide, box.tall) / 2;
  for (const [color, wide] of [["#000", 3], ["#fff", 1.5]]) {
    pen.strokeStyle = color;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.arc(box.x + x * box.wide, box.y + y * box.tall, radius, 0, 7);
    pen.stroke();
  }
}

function handle(x, height) {
  pen.fillStyle = "#fff";
  pen.shadowColor = "#000a";
  pen.shadowBlur = 5;
  pen.fillRect(x - 1, 0, 2, height);
  pen.beginPath();
  const middle = clamp(x, 15, size()[0] - 15), y = height / 2;
  pen.arc(middle, y, 13, 0, 7);
  pen.fill();
  pen.shadowBlur = 0;
  pen.strokeStyle = "#333";
  pen.lineWidth = 2;
  pen.lineCap = "round";
  pen.beginPath();
  for (const side of [-1, 1]) {
    pen.moveTo(middle + side * 3, y - 4);
    pen.lineTo(middle + side * 7, y);
    pen.lineTo(middle + side * 3, y + 4);
  }
  pen.stroke();
}

function setDivider(share) {
  divider = clamp(share, 0, 1);
  $("divider").value = Math.round(100 * divider);
  draw();
}

export function setZoom(factor, at = size().map(length => length / 2)) {
  if (!state.photo) return;
  const point = inPhoto(at), { width, height } = state.photo, [w, h] = size();
  zoom = clamp(factor, 1, Math.max(MOST, 4 / Math.min(w / width, h / height)));
  const fit = Math.min(w / width, h / height) * zoom;
  center = [point[0] + (w / 2 - at[0]) / (width * fit), point[1] + (h / 2 - at[1]) / (height * fit)].map(value => clamp(value, 0, 1));
  draw();
}

export const fit = () => { zoom = 1; center = [0.5, 0.5]; draw(); };

function pan(dx, dy) {
  const box = place(), room = size(), corner = [box.x, box.y], length = [box.wide, box.tall];
  center = [dx, dy].map((step, i) => length[i] <= room[i] ? center[i] : clamp((room[i] / 2 - corner[i] - step) / length[i], 0, 1));
  draw();
}

/** A new photo: an ImageBitmap. */
export function setPhoto(bitmap) {
  before = bitmap;
  after = null;
  setDivider(0);
  fit();
  describe();
}

/** A rendering of it. */
export function setResult(bitmap) {
  after?.close?.();
  after = bitmap;
  draw();
  describe();
}

export const result = () => after;

function describe() {
  const text = before ? `${state.photo.name}, ${state.photo.width} by ${state.photo.height} pixels` : "No photo yet";
  canvas.setAttribute("aria-label", after ? `${text}, stylized. Arrow keys move it, plus and minus zoom.` : text);
}

function down(event) {
  if (!state.photo) return;
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const at = [event.offsetX, event.offsetY];
  pointers.set(event.pointerId, at);
  if (pointers.size === 2) {
    if (gesture === "paint") brush.end();
    gesture = "pinch";
  } else if (painting) {
    gesture = "paint";
    cursor = inPhoto(at);
    brush.begin(...cursor);
  } else if (after && Math.abs(at[0] - clamp(line(), 8, size()[0] - 8)) < REACH) gesture = "divide";
  else gesture = "pan";
  canvas.classList.toggle("dragging", gesture === "pan");
  draw();
}

function moved(event) {
  if (!state.photo) return;
  const at = [event.offsetX, event.offsetY], old = pointers.get(event.pointerId);
  if (painting) { cursor = inPhoto(at); draw(); }
  else canvas.classList.toggle("sliding", Boolean(after) && Math.abs(at[0] - clamp(line(), 8, size()[0] - 8)) < REACH);
  if (!old) return;
  if (gesture === "pinch" && pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    setZoom(zoom * far(at, other) / far(old, other), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
  } else if (gesture === "paint") brush.move(...inPhoto(at));
  else if (gesture === "divide") setDivider(inPhoto(at)[0]);
  else if (gesture === "pan") pan(at[0] - old[0], at[1] - old[1]);
  pointers.set(event.pointerId, at);
}

function up(event) {
  pointers.delete(event.pointerId);
  if (gesture === "paint") brush.end();
  if (!pointers.size) gesture = null;
  canvas.classList.remove("dragging");
}

function key(event) {
  if (!state.photo || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") { brush.undo(); event.preventDefault(); return; }
  if (event.ctrlKey || event.metaKey) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (arrows && painting) {
    cursor = (cursor ?? [0.5, 0.5]).map((value, i) => clamp(value + arrows[i] * (event.shiftKey ? 0.05 : 0.015), 0, 1));
    draw();
  } else if (arrows) pan(-40 * arrows[0], -40 * arrows[1]);
  else if (event.key === " " && painting) { brush.begin(...(cursor ??= [0.5, 0.5])); brush.end(); }
  else if (event.key === " ") { peeking = true; draw(); }
  else if (event.key === "+" || event.key === "=") setZoom(zoom * 1.25);
  else if (event.key === "-") setZoom(zoom / 1.25);
  else if (event.key === "0") fit();
  else if (event.key === "<" || event.key === ",") setDivider(divider - 0.05);
  else if (event.key === ">" || event.key === ".") setDivider(divider + 0.05);
  else if (event.key === "b") $("brush").click();
  else if (event.key === "e" && painting) brush.toggleEraser();
  else if (event.key === "[") { brush.grow(-2); draw(); }
  else if (event.key === "]") { brush.grow(2); draw(); }
  else return;
  event.preventDefault();
}

export function start() {
  Object.assign(canvas, { onpointerdown: down, onpointermove: moved, onpointerup: up, onpointercancel: up, onkeydown: key });
  canvas.onkeyup = event => { if (event.key === " ") { peeking = false; draw(); } };
  canvas.onblur = () => { peeking = false; draw(); };
  canvas.onpointerleave = () => { if (!gesture) { cursor = null; draw(); } };
  canvas.ondblclick = event => {
    if (painting || !state.photo) return;
    if (zoom > 1) { fit(); return; }
    const box = place();
    setZoom(state.photo.width / box.wide / (devicePixelRatio || 1) * zoom, [event.offsetX, event.offsetY]);
  };
  canvas.addEventListener("wheel", event => {
    if (!state.photo) return;
    event.preventDefault();
    setZoom(zoom * Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
  }, { passive: false });
  $("divider").oninput = () => setDivider($("divider").valueAsNumber / 100);
  $("zoom-in").onclick = () => setZoom(zoom * 1.25);
  $("zoom-out").onclick = () => setZoom(zoom / 1.25);
  $("fit").onclick = fit;
  setBrush = toggle($("brush"), pressed => {
    painting = pressed;
    $("brushes").hidden = !pressed;
    canvas.classList.toggle("painting", pressed);
    cursor = null;
    draw();
  });
  brush.start(draw);
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
