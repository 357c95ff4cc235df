// The back end in this browser alone: a worker with onnxruntime-web. It offers what server.js offers.

const REST = 1280;  // longest side of the picture that is shown; the download has all pixels
const RUNS = "pasticcio-runs";  // key of the setting in the browser's storage
const numbers = new WeakMap();
const waiting = new Map();
let counter = 0, worker = null, begun = null, page = null, listener = () => {};

const aborted = () => new DOMException("left", "AbortError");

/** A file with the number by which the worker knows it. */
function numbered(file) {
  if (!file) return null;
  if (!numbers.has(file)) numbers.set(file, ++counter);
  return { key: numbers.get(file), blob: file, name: file.name ?? "" };
}

function ask(task, message, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) { reject(aborted()); return; }
    const id = ++counter;
    waiting.set(id, { resolve, reject });
    signal?.addEventListener("abort", () => {
      if (!waiting.delete(id)) return;
      worker.postMessage({ cancel: id });
      reject(aborted());
    }, { once: true });
    worker.postMessage({ id, task, ...message });
  });
}

function opened() {
  const made = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  made.onmessage = ({ data }) => {
    if (data.progress) { listener(data.progress); return; }
    const one = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) one?.reject(new Error(data.error));
    else one?.resolve(data.result);
  };
  made.onerror = event => {
    const error = new Error(event.message || "the worker cannot be loaded; reload the page");
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  return made;
}

async function manifest() {
  return page ??= await (await fetch(new URL("page.json", import.meta.url))).json();
}

/** Load the runtime, once. */
function start() {
  return begun ??= (async () => {
    const about = await manifest();
    worker = opened();
    return ask("start", { about, runs: runs() });
  })();
}

export const runs = () => localStorage.getItem(RUNS) ?? "auto";

/** Choose what runs: "auto", "cpu", "webgpu" or "int8". */
export function choose(value) {
  localStorage.setItem(RUNS, value);
  worker?.terminate();
  for (const one of waiting.values()) one.reject(aborted());
  waiting.clear();
  begun = null;
}

/** Call a function with { text, share } while something is loaded. */
export function progress(call) { listener = call; }

export async function styles() {
  return (await manifest()).styles;
}

export async function options() {
  return (await manifest()).options;
}

export async function about() {
  const { name, model, pasticcio, onnxruntime, graphs, precision } = await manifest(), { provider, threads, note } = await start();
  const what = provider === "webgpu" ? "WebGPU" : `CPU, ${threads} thread${threads === 1 ? "" : "s"}`;
  return {
    kind: "browser", rest: REST, provider, threads, note, name, model,
    text: `In this browser: ${what}${runs() === "int8" ? ", 8 bits" : ""}, onnxruntime-web ${onnxruntime}, model ${name}, pasticcio ${pasticcio}`,
    choices: ["auto", "cpu", "webgpu", ...(graphs.includes("pixels-int8") ? ["int8"] : [])],
    lacks: ["tiles: photos of more than 8 megapixels (2.5 with a mask or transparency) are made smaller",
      "colors of 16 bits and EXIF data in the output", "photos that this browser cannot show, such as TIFF"],
    precision,
  };
}

/** The embedding of { blob }, { name }, { random: true } or { like: one of these }. */
export async function embed(style, { side, seed = 0, spread = 0.3, signal } = {}) {
  await start();
  return [...await ask("embed", { style: await meant(style), side, seed, spread }, signal)];
}

async function meant(style) {
  if (style.like) return { like: await meant(style.like) };
  if (style.random || style.embedding) return { random: style.random, embedding: style.embedding };
  if (style.name) {
    const found = (await manifest()).styles.find(one => one.name === style.name);
    if (!found) throw new Error(`no style is named ${style.name}`);
    return { embedding: found.embedding };
  }
  return numbered(style.blob);
}

/** Render; resolves to a Blob that has { note, milliseconds }. */
export async function stylize({ photo, styles, mask, options, size, format = "png", signal }) {
  await start();
  const given = await Promise.all(styles.map(async style => ({ ...await meant(style), weight: style.weight, mask: numbered(style.mask) })));
  const message = { photo: numbered(photo), styles: given, mask: numbered(mask), options, size, format };
  const { blob, note, milliseconds } = await ask("stylize", message, signal);
  return Object.assign(blob, { note, milliseconds });
}

/** Run one graph of the model, for comparison with other runtimes. */
export async function run(graph, inputs) {
  await start();
  return ask("run", { graph, inputs });
}

const LONG = 20_000;  // milliseconds after which the page goes on without its service worker
const RELOADED = "pasticcio-isolated";  // key in the session's storage: the page was loaded anew by its service worker

/** Whether a service worker becomes active; not if its files cannot be kept, or it takes too long. */
function active(registration) {
  const worker = registration.installing ?? registration.waiting;
  if (!worker) return Boolean(registration.active);
  return new Promise(done => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") done(true);
      if (worker.state === "redundant") done(false);
    });
    setTimeout(() => done(false), LONG);
  });
}

/**
 * Register the service worker. When it is there the page is loaded anew if `idle` says that nobody has begun yet: then it
 * is isolated, and may use threads.
 */
export async function prepare(idle) {
  if (!navigator.serviceWorker || !isSecureContext) return;
  try {
    const registration = await navigator.serviceWorker.register(new URL("service.js", import.meta.url));
    if (!registration || crossOriginIsolated || sessionStorage.getItem(RELOADED)) return;
    if (!await active(registration)) return;
  } catch {
    return;  // private windows refuse it: the page works without, on one thread
  }
  if (!idle()) return;
  sessionStorage.setItem(RELOADED, "1");
  location.reload();
  await new Promise(() => {});  // nothing more happens in a page that is left
}
