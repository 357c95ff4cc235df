// The back end over HTTP: the server that this page came from.

const base = new URL("./", import.meta.url);
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const client = crypto.getRandomValues(new Uint32Array(2)).join("-");
const RANK = { name: 0, blob: 0, random: 0, embedding: 1, like: 2 };  // the order in which the server takes styles
const TRIES = 4;

async function ask(path, settings = {}) {
  const headers = { ...settings.headers, "X-Pasticcio-Client": client, ...(token && { Authorization: `Bearer ${token}` }) };
  for (let tries = 1; ; tries++) {
    let response;
    try {
      response = await fetch(new URL(path, base), { ...settings, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer; is 'pasticcio serve' still running?");
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({})), wait = Number(response.headers.get("Retry-After")) || 1;
    if ((response.status === 503 || response.status === 429) && tries < TRIES && !settings.signal?.aborted) {
      await new Promise(done => setTimeout(done, Math.min(wait, 5) * 1000));
      continue;
    }
    const text = problem.detail ?? problem.title ?? `The server answers ${response.status} ${response.statusText}`;
    throw Object.assign(new Error(text), { superseded: response.status === 409 });
  }
}

const json = async path => (await ask(path)).json();
let models = null;

export function progress() {}

export async function styles() {
  const { styles: found } = await json("v1/styles");
  return found.map(style => ({ ...style, thumbnail: style.thumbnail && new URL(style.thumbnail.replace(/^\//, ""), base).href }));
}

export const options = () => json("v1/options");

export async function about() {
  models ??= await json("v1/models");
  const [{ name, runtime, runtime_version: number = "", version, fingerprint }] = models.models;
  return {
    kind: "server", provider: runtime, threads: null, name, model: fingerprint, note: "", choices: [], lacks: [],
    text: `On the machine that serves this page: ${runtime} ${number}, model ${name}, pasticcio ${version}`.replaceAll(" ,", ","),
  };
}

function put(form, style, as = "style") {
  if (style.like) put(form, style.like, "like");
  else if (style.blob) form.append(as, style.blob, style.blob.name || "picture");
  else if (style.embedding) form.append(as === "like" ? as : "embedding", JSON.stringify(style.embedding));
  else form.append(as, style.random ? "random" : style.name);
}

/** The embedding of { blob }, { name }, { random: true } or { like: one of these }. */
export async function embed(style, { side, seed, spread, signal } = {}) {
  const form = new FormData();
  put(form, style);
  if (style.blob || style.like?.blob) form.append("style_size", side);
  if (style.random || style.like) form.append("seed", seed);
  if (style.like) form.append("spread", spread);
  return (await (await ask("v1/embed", { method: "POST", body: form, signal })).json()).embedding;
}

const rank = style => Math.min(...Object.keys(RANK).filter(name => style[name]).map(name => RANK[name]));

/** Render; resolves to a Blob that has { note, milliseconds }. */
export async function stylize({ photo, styles, mask, options, size, preview = false, format = "png", signal }) {
  const form = new FormData(), sorted = [...styles].sort((a, b) => rank(a) - rank(b));
  form.append("photo", photo, photo.name || "photo");
  for (const style of sorted) put(form, style);
  if (sorted.length > 1) for (const { weight } of sorted) if (weight !== null && weight !== undefined) form.append("weight", weight);
  for (const one of mask ? [mask] : sorted.map(style => style.mask).filter(Boolean)) form.append("mask", one, "mask.png");
  for (const [name, value] of Object.entries(options)) if (value !== null && value !== undefined) form.append(name, value);
  if (size) form.append("size", size);
  if (preview) form.append("preview", 1);
  // A JPEG takes no time to write, and has no transparency; nor has the output of one.
  form.append("format", !preview ? format : photo.type === "image/jpeg" ? "jpeg" : "webp");
  const response = await ask("v1/stylize", { method: "POST", body: form, signal });
  const blob = await response.blob(), timing = response.headers.get("Server-Timing") ?? "";
  const milliseconds = [...timing.matchAll(/dur=([\d.]+)/g)].reduce((sum, [, value]) => sum + Number(value), 0);
  return Object.assign(blob, { note: response.headers.get("X-Pasticcio-Note") ?? "", milliseconds });
}
