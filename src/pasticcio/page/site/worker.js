// The worker in which a browser stylizes alone: pictures are read, rendered and written here, so that the page stays free.
import { Engine, fitting, smaller, styleSide } from "./engine.js";
import { firstLine, Graphs } from "./graphs.js";
import { image } from "./images.js";
import { near, Random, sample } from "./random.js";
import { strokeFor } from "./underpaint.js";

const TYPES = { png: "image/png", jpeg: "image/jpeg", webp: "image/webp" };
const KEPT = 6;  // pictures

let about = null, graphs = null, engine = null, gaussian = null;
const pictures = new Map();  // the last ones by the number that the page gave them
const queue = [];
let busy = false;

const report = id => (text, share) => postMessage({ id, progress: { text, share } });

async function start(message) {
  about = message.about;
  graphs = new Graphs(about, message.runs, report(message.id));
  engine = new Engine((graph, inputs) => graphs.run(graph, inputs), about);
  gaussian = about.gaussian && Object.fromEntries(Object.entries(about.gaussian).map(([key, text]) =>
    [key, new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer)]));
  const provider = await graphs.start();
  return { provider, threads: provider === "wasm" ? graphs.threads : 0, note: graphs.note };
}

/** A picture { pixels, alpha } of a file, upright; `key` is its number. */
async function read({ key, blob, name }) {
  if (pictures.has(key)) {
    const found = pictures.get(key);
    pictures.delete(key);
    pictures.set(key, found);
    return found;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`${name || "the picture"} cannot be read by this browser; save it as JPEG, PNG or WebP`);
  }
  const { width, height } = bitmap, canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const found = split(pen.getImageData(0, 0, width, height).data, width, height);
  pictures.set(key, found);
  if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value);
  return found;
}

/** Colors and opacity; colors that cannot be seen become the mean of the others. */
function split(data, width, height) {
  const count = width * height, colors = new Uint8Array(3 * count), alpha = new Uint8Array(count), mean = [0, 0, 0];
  let seen = 0, clear = false;
  for (let i = 0; i < count; i++) {
    alpha[i] = data[4 * i + 3];
    clear ||= alpha[i] < 255;
    seen += alpha[i] > 0;
    for (let c = 0; c < 3; c++) {
      colors[3 * i + c] = data[4 * i + c];
      if (alpha[i]) mean[c] += data[4 * i + c];
    }
  }
  if (clear && seen) for (let i = 0; i < count; i++) if (!alpha[i]) for (let c = 0; c < 3; c++) colors[3 * i + c] = Math.round(mean[c] / seen);
  return { pixels: image(colors, width, height, 3), alpha: clear ? image(alpha, width, height, 1) : null };
}

/** The picture as it looks on white paper, as style pictures are taken. */
function onWhite({ pixels, alpha }) {
  if (!alpha) return pixels;
  return { ...pixels, data: pixels.data.map((value, i) => Math.round(255 + (value - 255) * alpha.data[Math.floor(i / 3)] / 255)) };
}

async function embed({ style, side, seed, spread }) {
  if (style.random) return sample(gaussian, new Random(seed, 0));
  if (style.like) {
    const like = style.like.embedding ?? (await embed({ style: style.like, side }));
    return near(gaussian, Float32Array.from(like), spread, new Random(seed, 0));
  }
  if (style.embedding) return Float32Array.from(style.embedding);
  return engine.embed(onWhite(await read(style)), side || about.style_side);
}

async function stylize({ photo, styles, mask, options, size, format, quality }) {
  let source = await read(photo), note = "";
  const regions = Boolean(mask || source.alpha || styles.some(style => style.mask)), { width, height } = source.pixels;
  ({ size, note } = fitting(width, height, options.stroke, regions, size));
  if (size) source = smaller(source, size);
  const side = options.style_size || styleSide(...[source.pixels.width, source.pixels.height].map(length => Math.max(1, Math.round(length / strokeFor(options.stroke, source.pixels.width, source.pixels.height)))));
  const given = [];
  for (const style of styles) {
    const row = style.embedding && Float32Array.from(style.embedding);
    given.push({ embedding: row, pixels: row ? null : onWhite(await read(style)), weight: style.weight, mask: style.mask && await read(style.mask) });
  }
  const before = performance.now();
  const result = await engine.stylize(source, given, mask && await read(mask), { ...options, style_size: side });
  const milliseconds = performance.now() - before;
  return { blob: await written(result, format, quality), note, milliseconds };
}

async function written({ pixels, alpha }, format, quality) {
  const { width, height, data } = pixels, canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { alpha: Boolean(alpha) });
  const out = pen.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out.data[4 * i + c] = data[3 * i + c];
    out.data[4 * i + 3] = alpha ? alpha.data[i] : 255;
  }
  pen.putImageData(out, 0, 0);
  if (alpha && format === "jpeg") {
    pen.globalCompositeOperation = "destination-over";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
  }
  const blob = await canvas.convertToBlob({ type: TYPES[format] ?? TYPES.png, quality: (quality ?? 95) / 100 });
  if (blob.type !== (TYPES[format] ?? TYPES.png)) throw new Error(`this browser cannot write ${format}; choose PNG or JPEG`);
  return blob;
}

const run = ({ graph, inputs }) => graphs.run(graph, inputs);
const size = async ({ photo }) => { const { pixels } = await read(photo); return { width: pixels.width, height: pixels.height }; };
const TASKS = { start, embed, stylize, run, size };

async function work() {
  if (busy) return;
  busy = true;
  while (queue.length) {
    const message = queue.shift();
    if (graphs) graphs.report = report(message.id);
    try {
      postMessage({ id: message.id, result: await TASKS[message.task](message) });
    } catch (error) {
      postMessage({ id: message.id, error: readable(error) });
    }
  }
  busy = false;
}

function readable(error) {
  const text = firstLine(error);
  if (/memory|allocat|std::bad_alloc|Array buffer/i.test(text)) {
    return `The browser has not enough memory for this picture (${text}); make it smaller, or use larger strokes.`;
  }
  return text;
}

onmessage = ({ data }) => {
  if (data.cancel !== undefined) {
    const place = queue.findIndex(message => message.id === data.cancel);
    if (place >= 0) queue.splice(place, 1);
    return;
  }
  queue.push(data);
  work();
};
