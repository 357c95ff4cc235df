"use strict";
const DATA = /*DATA*/null;
const $ = id => document.getElementById(id);
const canvas = $("map"), pen = canvas.getContext("2d");
const N = DATA.names.length, T = DATA.thumbnail, PER = DATA.across * DATA.across;
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const points = new Float32Array(bytes(DATA.points));
const keys = Object.keys(DATA.columns);
const about = i => keys.map(k => DATA.columns[k].values[DATA.columns[k].rows[i]]);
const haystack = DATA.names.map((name, i) => [name, DATA.titles[i], ...about(i)].join(" ").replace(/[-_]+/g, " ").toLowerCase());
const PALETTE = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#1b9e77",
  "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#17becf", "#bcbd22", "#8c564b", "#393b79"];
const REST = "#9a9a9a";

const sheets = DATA.sheets.map(text => {
  const image = new Image();
  image.onload = () => { image.levels = smaller(image); draw(); };
  image.src = "data:image/webp;base64," + text;
  return image;
});

// A sheet at its own size, a half, a quarter and an eighth. Thumbnails are drawn from the nearest size, which is fast.
function smaller(image) {
  const levels = [];
  for (let part = 1; part <= 8; part *= 2) {
    const level = document.createElement("canvas");
    level.width = image.naturalWidth / part; level.height = image.naturalHeight / part;
    const brush = level.getContext("2d");
    brush.imageSmoothingQuality = "high";
    brush.drawImage(levels.length ? levels[levels.length - 1] : image, 0, 0, level.width, level.height);
    levels.push(level);
  }
  return levels;
}
const corner = i => [(i % PER % DATA.across) * T, Math.floor(i % PER / DATA.across) * T];

// The view maps a point p to p * scale + (x, y) on the screen.
const view = { scale: 1, x: 0, y: 0 };
const state = { key: null, only: null, hits: null, chosen: -1, hover: -1, queued: false };
let width = 0, height = 0, ratio = 1;

const screenX = i => points[2 * i] * view.scale + view.x;
const screenY = i => points[2 * i + 1] * view.scale + view.y;
const base = () => Math.min(width, height) - 60;
const size = () => $("pictures").checked
  ? Math.max(7, Math.min(96, base() / Math.sqrt(N) * 0.9 * Math.pow(view.scale / base(), 0.8)))
  : Math.max(4, Math.min(14, 4 * Math.pow(view.scale / base(), 0.5)));
const colorOf = i => {
  if (!state.key) return null;
  const number = DATA.columns[state.key].rows[i];
  return DATA.columns[state.key].values[number] && number < PALETTE.length ? PALETTE[number] : REST;
};
const lit = i => (state.only === null || DATA.columns[state.key].rows[i] === state.only) && (!state.hits || state.hits.has(i));

function fit(rows) {
  let x0 = 1, x1 = 0, y0 = 1, y1 = 0;
  for (const i of rows) {
    x0 = Math.min(x0, points[2 * i]); x1 = Math.max(x1, points[2 * i]);
    y0 = Math.min(y0, points[2 * i + 1]); y1 = Math.max(y1, points[2 * i + 1]);
  }
  const panel = width > 700 ? 270 : 0, spanX = Math.max(x1 - x0, 0.05), spanY = Math.max(y1 - y0, 0.05);
  view.scale = Math.min((width - panel - 60) / spanX, (height - 60) / spanY);
  view.x = (width + panel) / 2 - view.scale * (x0 + x1) / 2;
  view.y = height / 2 - view.scale * (y0 + y1) / 2;
  draw();
}

function zoom(factor, x = width / 2, y = height / 2) {
  const scale = Math.max(base() * 0.5, Math.min(base() * 200, view.scale * factor));
  factor = scale / view.scale;
  view.x = x - (x - view.x) * factor;
  view.y = y - (y - view.y) * factor;
  view.scale = scale;
  draw();
}

function draw() {
  if (!state.queued) { state.queued = true; requestAnimationFrame(paint); }
}

function mark(i, s, pictures) {
  const x = screenX(i), y = screenY(i), sheet = sheets[Math.floor(i / PER)], color = colorOf(i);
  if (!pictures) {
    pen.fillStyle = color || PALETTE[0];
    pen.beginPath(); pen.arc(x, y, s / 2, 0, 7); pen.fill();
    return;
  }
  if (color) {
    const edge = Math.max(1.5, s / 12);
    pen.fillStyle = color;
    pen.fillRect(x - s / 2 - edge, y - s / 2 - edge, s + 2 * edge, s + 2 * edge);
  }
  if (sheet.levels) {
    const depth = Math.max(0, Math.min(3, Math.floor(Math.log2(T / (s * ratio)) + 0.3))), part = 2 ** depth, [u, v] = corner(i);
    pen.drawImage(sheet.levels[depth], u / part, v / part, T / part, T / part, x - s / 2, y - s / 2, s, s);
  }
  else { pen.fillStyle = REST; pen.fillRect(x - s / 2, y - s / 2, s, s); }
}

function paint() {
  state.queued = false;
  const s = size(), pictures = $("pictures").checked;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const filtered = state.only !== null || state.hits;
  let drawn = 0;
  for (const pass of filtered ? [false, true] : [true]) {
    pen.globalAlpha = pass ? 1 : 0.12;
    for (let i = 0; i < N; i++) {
      const x = screenX(i), y = screenY(i);
      if (x < -s || y < -s || x > width + s || y > height + s || (filtered && lit(i) !== pass)) continue;
      mark(i, s, pictures);
      drawn++;
    }
  }
  pen.globalAlpha = 1;
  if (state.chosen >= 0) {
    pen.strokeStyle = getComputedStyle(document.body).color;
    pen.lineWidth = 1;
    for (const j of DATA.neighbors[state.chosen]) {
      pen.globalAlpha = 0.5;
      pen.beginPath(); pen.moveTo(screenX(state.chosen), screenY(state.chosen)); pen.lineTo(screenX(j), screenY(j)); pen.stroke();
      pen.globalAlpha = 1;
      mark(j, Math.max(s, 20), pictures);
    }
  }
  for (const i of [state.chosen, state.hover]) if (i >= 0) {
    const large = Math.max(s, 28);
    mark(i, large, pictures);
    pen.strokeStyle = getComputedStyle(document.body).color;
    pen.lineWidth = 2.5;
    pen.strokeRect(screenX(i) - large / 2, screenY(i) - large / 2, large, large);
  }
  window.map = { drawn, screen: i => [screenX(i), screenY(i)], view, state };  // for tests
}

function at(x, y) {
  const reach = Math.max(size() / 2, 6);
  let best = -1, least = Infinity;
  for (let i = 0; i < N; i++) {
    const dx = Math.abs(screenX(i) - x), dy = Math.abs(screenY(i) - y);
    if (dx > reach || dy > reach || !lit(i)) continue;
    const d = dx * dx + dy * dy;
    if (d <= least) { least = d; best = i; }
  }
  return best;
}

function thumb(i, side = T) {
  const element = document.createElement("span"), [x, y] = corner(i), f = side / T;
  element.className = "thumb";
  element.style.background = `url(${sheets[Math.floor(i / PER)].src}) ${-x * f}px ${-y * f}px / ${DATA.across * side}px auto`;
  return element;
}

function line(...parts) {
  const element = document.createElement("div");
  element.style.minWidth = 0;
  for (const [kind, text] of parts) if (text) {
    const part = document.createElement("div");
    part.className = kind; part.textContent = text; part.title = text;
    element.append(part);
  }
  return element;
}

const summary = i => keys.filter(k => ["artist", "movement", "class"].includes(k))
  .map(k => DATA.columns[k].values[DATA.columns[k].rows[i]]).filter(Boolean).join(", ") || about(i).filter(Boolean).join(", ");

function entry(i, number) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.append(thumb(i), line(["name", DATA.titles[i]], ["about", summary(i)]));
  if (number !== undefined) {
    const element = document.createElement("span");
    element.className = "number"; element.textContent = number;
    button.append(element);
  }
  button.onclick = () => choose(i, true);
  item.append(button);
  return item;
}

function choose(i, center) {
  state.chosen = i;
  $("right").hidden = i < 0;
  if (i >= 0) {
    $("chosen").replaceChildren(thumb(i, 96), line(["name", DATA.titles[i]], ...keys.map((k, n) => ["about", about(i)[n] && `${k}: ${about(i)[n]}`])));
    $("chosen").firstChild.style.cssText += "display:block;width:96px;height:96px";
    $("near").replaceChildren(...DATA.neighbors[i].map((j, n) => entry(j, DATA.distances[i][n].toFixed(2))));
    if (center) { view.x += width / 2 - screenX(i); view.y += height / 2 - screenY(i); }
    stylize(i);
  }
  draw();
}

function hover(i, x, y) {
  if (i !== state.hover) { state.hover = i; draw(); }
  const tip = $("tip");
  tip.style.display = i < 0 ? "none" : "block";
  canvas.style.cursor = i < 0 ? "" : "pointer";
  if (i < 0) return;
  tip.replaceChildren(thumb(i, 96), line(["name", DATA.titles[i]], ...keys.map((k, n) => ["about", about(i)[n]])));
  tip.querySelector(".thumb").style.cssText += "width:96px;height:96px";
  tip.style.left = Math.min(x + 16, width - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(y + 16, height - tip.offsetHeight - 8) + "px";
}

function search(text) {
  const words = text.toLowerCase().replace(/[-_]+/g, " ").split(/\s+/).filter(Boolean);
  if (!words.length) {
    state.hits = null;
    $("found").textContent = ""; $("hits").replaceChildren();
    return draw();
  }
  const rows = [];
  for (let i = 0; i < N; i++) if (words.every(word => haystack[i].includes(word))) rows.push(i);
  state.hits = new Set(rows);
  $("found").textContent = `${rows.length} found`;
  $("hits").replaceChildren(...rows.slice(0, 6).map(i => entry(i)));
  draw();
}

function color(key) {
  state.key = key || null;
  state.only = null;
  const column = DATA.columns[key];
  const counts = column ? column.values.map(() => 0) : [];
  if (column) column.rows.forEach(number => counts[number]++);
  const shown = counts.map((_, number) => number).filter(number => column.values[number]).slice(0, 60);
  $("legend").replaceChildren(...shown.map(number => {
    const item = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("span"),
      amount = document.createElement("span");
    dot.className = "dot"; dot.style.background = number < PALETTE.length ? PALETTE[number] : REST;
    amount.className = "number"; amount.textContent = counts[number];
    button.append(dot, line(["name", column.values[number]]), amount);
    button.setAttribute("aria-pressed", "false");
    button.onclick = () => {
      state.only = state.only === number ? null : number;
      for (const other of $("legend").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button && state.only !== null));
      draw();
    };
    item.append(button);
    return item;
  }));
  draw();
}

// -- stylizing, if the server offers it ------------------------------------------------------------

let service = null, asked = 0;

function half(value) {  // IEEE half precision
  const sign = value & 0x8000 ? -1 : 1, exponent = value >> 10 & 31, fraction = value & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * fraction / 1024);
}

function style(i) {
  const values = new Uint16Array(bytes(DATA.embeddings)).subarray(i * DATA.length, (i + 1) * DATA.length);
  return { format: "pasticcio-style-1", model: DATA.model, name: DATA.names[i], title: DATA.titles[i], artist: "", year: "", embedding: Array.from(values, half) };
}

async function stylize(i) {
  const photo = $("photo").files[0], number = ++asked;
  if (!service || !photo) return;
  $("result").textContent = "…";
  const form = new FormData();
  form.append("photo", photo);
  form.append("style", new Blob([JSON.stringify(style(i))], { type: "application/json" }), "style.json");
  try {
    const answer = await fetch(service, { method: "POST", body: form });
    if (number !== asked) return;
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || answer.status);
    const image = new Image();
    image.alt = `The photo in the manner of ${DATA.titles[i]}`;
    image.src = URL.createObjectURL(await answer.blob());
    $("result").replaceChildren(image);
  } catch (error) { $("result").textContent = `Not stylized: ${error.message}`; }
}

if (location.protocol.startsWith("http")) fetch("pasticcio.json")
  .then(answer => answer.ok ? answer.json() : {})
  .then(offer => { service = offer.stylize || null; $("corner").hidden = !service; })
  .catch(() => {});
$("photo").onchange = () => { if (state.chosen >= 0) stylize(state.chosen); };

// -- pointer, wheel and keys -----------------------------------------------------------------------

const held = new Map();
let moved = 0;
canvas.onpointerdown = event => {
  canvas.setPointerCapture(event.pointerId);
  held.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = held.size > 1 ? 99 : 0;
  canvas.classList.add("dragging");
};
canvas.onpointermove = event => {
  const before = held.get(event.pointerId), now = [event.offsetX, event.offsetY];
  if (!before) return hover(event.pointerType === "touch" ? -1 : at(...now), ...now);
  hover(-1);
  const dx = now[0] - before[0], dy = now[1] - before[1];
  if (held.size === 2) {
    const other = [...held].find(([id]) => id !== event.pointerId)[1];
    const factor = Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
    zoom(factor, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }
  view.x += dx / held.size; view.y += dy / held.size;
  moved += Math.abs(dx) + Math.abs(dy);
  held.set(event.pointerId, now);
  draw();
};
canvas.onpointerup = canvas.onpointercancel = event => {
  const tapped = held.delete(event.pointerId) && moved < 5 && event.type === "pointerup";
  if (!held.size) canvas.classList.remove("dragging");
  if (tapped) choose(at(event.offsetX, event.offsetY), false);
};
canvas.onpointerleave = () => hover(-1);
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
}, { passive: false });
canvas.onkeydown = event => {
  const step = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] }[event.key];
  if (step) { view.x += step[0]; view.y += step[1]; draw(); }
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "Escape") choose(-1);
  else return;
  event.preventDefault();
};
$("search").oninput = event => search(event.target.value);
$("search").onkeydown = event => {
  if (event.key === "Enter" && state.hits && state.hits.size) state.hits.size === 1 ? choose([...state.hits][0], true) : fit(state.hits);
};
$("color").onchange = event => color(event.target.value);
$("pictures").onchange = draw;
$("in").onclick = () => zoom(1.5);
$("out").onclick = () => zoom(1 / 1.5);
$("all").onclick = () => fit(Array(N).keys());
$("close").onclick = () => choose(-1);

function resize() {
  const first = !width;
  ratio = window.devicePixelRatio || 1;
  width = canvas.clientWidth; height = canvas.clientHeight;
  canvas.width = width * ratio; canvas.height = height * ratio;
  if (first) fit(Array(N).keys()); else draw();
}
window.onresize = resize;
document.title = $("title").textContent = DATA.title;
$("count").textContent = `${N} pictures; near means alike in style`;
for (const key of ["", ...keys]) {
  const option = document.createElement("option");
  option.value = key; option.textContent = key || "nothing";
  $("color").append(option);
}
$("color").value = DATA.color || "";
color($("color").value);
resize();
