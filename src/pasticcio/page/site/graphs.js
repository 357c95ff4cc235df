// The graphs of the model and onnxruntime-web, each loaded when it is first used.

const WASM = { module: "ort.wasm.min.mjs", binary: "ort-wasm-simd-threaded" };
const WEBGPU = { module: "ort.webgpu.min.mjs", binary: "ort-wasm-simd-threaded.asyncify" };
const MOST_THREADS = 8, TRIAL = 64, ALIKE = 3;  // levels in the mean by which WebGPU may differ from the CPU on a trial
const base = new URL("./", import.meta.url);

export class Graphs {
  /** about: the manifest; runs: "auto", "cpu", "webgpu" or "int8"; report: called with a text and a share from 0 to 1. */
  constructor(about, runs, report) {
    Object.assign(this, { about, runs, report, sessions: new Map(), files: new Map(), provider: null, note: "" });
    this.threads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  }

  /** Load the runtime, and say which provider runs. */
  start() {
    return this.started ??= this.choose();
  }

  async choose() {
    if (this.runs === "webgpu" || this.runs === "auto") {
      const why = await this.tried();
      if (why === "") return this.provider;
      if (this.runs === "webgpu") this.note = `WebGPU was asked for, and ${why}: the CPU runs instead.`;
      this.sessions.clear();
    }
    await this.load(WASM);
    this.provider = "wasm";
    return this.provider;
  }

  /** Try WebGPU; why it does not run here, or nothing. */
  async tried() {
    let adapter = null;
    try {
      adapter = await navigator.gpu?.requestAdapter();
      if (!adapter) return "this browser offers none";
      if (adapter.info?.isFallbackAdapter && this.runs === "auto") return "only an emulation of it is there";
      await this.load(WEBGPU);
      this.provider = "webgpu";
      const content = Uint8Array.from({ length: 3 * TRIAL * TRIAL }, (_, i) => (i * 7919) % 251);
      const inputs = {
        content: { data: content, dims: [1, TRIAL, TRIAL, 3] },
        embedding: { data: new Float32Array(this.about.embedding), dims: [1, this.about.embedding] },
      };
      const there = (await this.run("pixels", inputs)).image.data;
      const here = (await this.run("pixels", inputs, "wasm")).image.data;
      const off = here.reduce((sum, value, i) => sum + Math.abs(value - there[i]), 0) / here.length;
      return off <= ALIKE ? "" : `its picture is ${off.toFixed(1)} levels off`;
    } catch (error) {
      return `it fails (${firstLine(error)})`;
    }
  }

  async load({ module, binary }) {
    this.ort = await import(new URL(`ort/${module}`, base).href);
    const { wasm } = this.ort.env;
    wasm.numThreads = this.threads;
    wasm.wasmPaths = { mjs: new URL(`ort/${binary}.mjs`, base).href, wasm: new URL(`ort/${binary}.wasm`, base).href };
    wasm.wasmBinary = (await this.file(`ort/${binary}.wasm`, "Loading the runtime")).buffer;
    this.ort.env.logLevel = "error";
  }

  /** The bytes of a file, loaded once. */
  file(name, text) {
    if (!this.files.has(name)) this.files.set(name, this.fetched(name, text).catch(error => { this.files.delete(name); throw error; }));
    return this.files.get(name);
  }

  async fetched(name, text) {
    const response = await fetch(new URL(name, base));
    if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status} ${response.statusText}); reload the page`);
    const total = Number(response.headers.get("content-length")) || 0, parts = [], reader = response.body.getReader();
    let done = 0;
    for (;;) {
      const { value, done: end } = await reader.read();
      if (end) break;
      parts.push(value);
      done += value.length;
      this.report(text, total ? Math.min(1, done / total) : null);
    }
    const bytes = new Uint8Array(done);
    let at = 0;
    for (const part of parts) { bytes.set(part, at); at += part.length; }
    return bytes;
  }

  async open(graph, provider) {
    const name = graph === "pixels" && this.runs === "int8" && this.about.graphs.includes("pixels-int8") ? "pixels-int8" : graph;
    const model = await this.file(`model/${name}.onnx`, "Loading the network");
    const options = { executionProviders: [provider], logSeverityLevel: 3 };
    if (graph !== "predict") {
      options.externalData = [{ path: this.about.weights, data: await this.file(`model/${this.about.weights}`, "Loading the network") }];
    }
    this.report("Preparing the network", null);
    return this.ort.InferenceSession.create(model, options);
  }

  /** Run a graph: inputs { data, dims } by name to outputs by name. */
  async run(graph, inputs, provider = this.provider) {
    const key = `${graph} ${provider}`;
    if (!this.sessions.has(key)) this.sessions.set(key, this.open(graph, provider));
    let session;
    try { session = await this.sessions.get(key); } catch (error) { this.sessions.delete(key); throw error; }
    const feeds = {};
    for (const [name, { data, dims }] of Object.entries(inputs)) {
      feeds[name] = new this.ort.Tensor(data instanceof Float32Array ? "float32" : "uint8", data, dims);
    }
    const results = await session.run(feeds), outputs = {};
    for (const [name, tensor] of Object.entries(results)) {
      outputs[name] = { data: await tensor.getData(), dims: tensor.dims };
      tensor.dispose();
    }
    return outputs;
  }
}

export const firstLine = error => String(error?.message ?? error).split("\n")[0];
