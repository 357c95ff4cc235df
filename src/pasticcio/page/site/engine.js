// A photo in the manner of styles, as the library's Stylizer renders it; graphs are run by the `run` that it is given.
import { asBytes, asFloat, crop, image, isBytes, resize, roundEven, scaled } from "./images.js";
import { colorMap, gray, luminance, matchColors, matchLuminance, thumbnail, withLuminance } from "./colors.js";
import { mask as readMask, product, styled } from "./masks.js";
import { textured } from "./texture.js";
import { levels, SHARE, strokeFor, underpainted } from "./underpaint.js";

const MIN_SIDE = 16, MAX_ASPECT = 4, STYLE_RANGE = [192, 512], LEAST_WEIGHT = 1e-6;

/** The short side to which style pictures are brought for a photo of that size. */
export const styleSide = (width, height) => Math.max(STYLE_RANGE[0], Math.min(STYLE_RANGE[1], Math.min(width, height)));

const MOST_PLAIN = 8e6, MOST_REGIONS = 2.5e6;  // pixels of one pass, without and with masks or transparency

/** The longest side (null for the photo's) at which a photo can be rendered here, and a note where it is less than asked. */
export function fitting(width, height, stroke, regions, size) {
  const most = regions ? MOST_REGIONS : MOST_PLAIN, shrink = size ? Math.min(1, size / Math.max(width, height)) : 1;
  const asked = width * height * (shrink / Math.min(stroke ?? 1, 1)) ** 2;  // where strokes are smaller, more pixels are run
  if (asked <= most) return { size, note: "" };
  const factor = shrink * Math.sqrt(most / asked), side = Math.floor(Math.max(width, height) * factor);
  return {
    size: side,
    note: `${(width * height / 1e6).toFixed(1)} megapixels are more than a browser renders at once` +
      `${regions ? " with a mask or transparency" : ""} (${most / 1e6}): the picture is ${Math.round(width * factor)} x ` +
      `${Math.round(height * factor)}. 'pasticcio serve' gives the full size.`,
  };
}

export class Engine {
  /** run: async (graph, inputs) -> outputs by name; inputs and outputs are { data, dims }. about: the manifest. */
  constructor(run, about) {
    this.run = run;
    this.about = about;
  }

  /** The embedding of a style picture (H, W, 3) at a side. */
  async embed(picture, side) {
    const view = asFloat(styleView(picture, side)), plane = view.width * view.height, data = new Float32Array(3 * plane);
    for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) data[c * plane + i] = view.data[3 * i + c];
    const { embedding } = await this.run("predict", { style: { data, dims: [1, 3, view.height, view.width] } });
    return embedding.data;
  }

  /** A style's embedding at a strength: 0 is the photo's own, 1 the style's. */
  async weaken(own, wanted, strength) {
    if (!this.about.graphs.includes("strength")) return wanted.map((value, i) => own[i] + strength * (value - own[i]));
    const dims = [1, own.length], row = data => ({ data: Float32Array.from(data), dims });
    const inputs = { own: row(own), wanted: row(wanted), strength: { data: Float32Array.of(strength), dims: [1, 1] } };
    return (await this.run("strength", inputs)).embedding.data;
  }

  /**
   * photo: { pixels, alpha }; styles: [{ embedding | pixels, weight, mask }]; mask: of all; options as the library's.
   * Returns bytes { pixels, alpha }.
   */
  async stylize(photo, styles, mask, options, size) {
    if (size) photo = smaller(photo, size);
    const { colors } = options, full = photo.pixels;
    const sizes = levels(strokeFor(options.stroke, full.width, full.height));
    const at = level => level === 1 ? photo : reduced(photo, 1 / level);
    let work = at(sizes[0]);
    const small = thumbnail(work.pixels), side = options.style_size || styleSide(work.pixels.width, work.pixels.height);
    const recolored = { style: x => x, match: x => matchColors(asFloat(x), small), luminance: x => matchLuminance(asFloat(x), small) }[colors];
    const embeddings = [];
    for (const style of styles) embeddings.push(style.embedding ?? await this.embed(recolored(style.pixels), side));
    const each = styles.some(style => style.mask), masked = each || Boolean(mask);
    const masksAt = ({ width, height }) => {
      const masks = each ? styles.map(style => readMask(style.mask, width, height)) : [];
      if (!mask) return masks;
      const overall = readMask(mask, width, height);
      return masks.length ? masks.map(one => product(overall, one)) : [overall];
    };
    let wanted = each ? embeddings : [mixed(embeddings, styles.map(style => style.weight))];
    if (options.strength !== 1 || masked) {
      const own = await this.embed(colors === "luminance" ? gray(luminance(small)) : small, side);
      wanted = await Promise.all(wanted.map(row => this.weaken(own, row, options.strength)));
      if (masked) wanted = [own, ...wanted];
    }
    const amount = Math.min(options.strength, 1);
    let masks = masksAt(work.pixels), content = textured(work.pixels, options.texture * amount, styled(masks)), pixels;
    for (const [number, level] of sizes.entries()) {
      if (number) {
        work = at(level);
        masks = masksAt(work.pixels);
        content = underpainted(work.pixels, pixels, SHARE * amount, styled(masks));
      }
      const toned = colors === "luminance" ? gray(luminance(content)) : content;
      pixels = masked || work.alpha ? await this.regions(toned, wanted, masks, work.alpha) : await this.whole(toned, wanted[0]);
    }
    if (work !== photo) pixels = resize(pixels, full.width, full.height, "lanczos");
    if (colors === "luminance") pixels = withLuminance(full, pixels);
    else if (colors === "match" && !styles.every(style => style.pixels)) pixels = colorMap(thumbnail(pixels), small)(pixels);
    return { pixels: asBytes(pixels), alpha: photo.alpha };
  }

  /** One pass of the whole picture: bytes to bytes, or floats to floats. */
  async whole(content, embedding) {
    const padded = atLeast(content), { width, height } = padded;
    const row = { data: embedding, dims: [1, embedding.length] };
    let out;
    if (isBytes(padded)) {
      const result = await this.run("pixels", { content: { data: padded.data, dims: [1, height, width, 3] }, embedding: row });
      out = image(new Uint8Array(result.image.data), width, height, 3);
    } else {
      const result = await this.run("transfer", { content: { data: planes(padded), dims: [1, 3, height, width] }, embedding: row });
      out = interleaved(result.image.data, width, height);
    }
    return width === content.width && height === content.height ? out : crop(out, 0, 0, content.width, content.height);
  }

  /** One pass with a style for each place, and weights of pixels for the statistics. Returns floats. */
  async regions(content, embeddings, masks, alpha) {
    const { multiple, margin, scales, channels } = this.about.regions, { width, height } = content;
    const frame = {
      rows: reflected(height, margin, Math.ceil(height / multiple) * multiple + 2 * margin),
      columns: reflected(width, margin, Math.ceil(width / multiple) * multiple + 2 * margin),
    };
    const tall = frame.rows.length, wide = frame.columns.length, plane = tall * wide, count = embeddings.length;
    const data = new Float32Array(3 * plane), source = asFloat(content).data;
    const shares = masks.length ? new Float32Array(count * plane) : null, weights = alpha ? new Float32Array(plane) : null;
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++) {
        const from = frame.rows[y] * width + frame.columns[x], to = y * wide + x;
        for (let c = 0; c < 3; c++) data[c * plane + to] = source[3 * from + c];
        if (weights) weights[to] = Math.max(alpha.data[from] / 255, LEAST_WEIGHT);
        if (!shares) continue;
        const sum = masks.reduce((total, one) => total + one.data[from], 0) / 255, over = Math.max(sum, 1);
        shares[to] = 1 - sum / over;
        masks.forEach((one, i) => { shares[(i + 1) * plane + to] = one.data[from] / 255 / over; });
      }
    }
    const rows = new Float32Array(count * embeddings[0].length);
    embeddings.forEach((row, i) => rows.set(row, i * row.length));
    const inputs = {
      content: { data, dims: [1, 3, tall, wide] },
      embeddings: { data: rows, dims: [count, embeddings[0].length] },
      given: { data: new Float32Array(2 * channels), dims: [2, channels] },
      known: { data: new Float32Array(channels), dims: [channels] },
    };
    const one = { data: Float32Array.of(1), dims: [1, 1, 1, 1] };
    for (const scale of scales) {
      inputs[`masks_${scale}`] = shares ? averaged(shares, count, tall, wide, scale) : one;
      inputs[`weights_${scale}`] = weights ? averaged(weights, 1, tall, wide, scale) : one;
    }
    const result = await this.run("regions", inputs);
    return crop(interleaved(result.image.data, wide, tall), margin, margin, width, height);
  }
}

/** The weighted mean of embeddings; equal weights where there are none. */
export function mixed(embeddings, weights) {
  const shares = weights.map(weight => weight ?? 1), sum = shares.reduce((a, b) => a + b, 0);
  return embeddings[0].map((_, i) => embeddings.reduce((total, row, k) => total + row[i] * shares[k] / sum, 0));
}

/** A photo { pixels, alpha } whose longest side is at most `size`. */
export function smaller(photo, size) {
  const longest = Math.max(photo.pixels.width, photo.pixels.height);
  return longest <= size ? photo : reduced(photo, size / longest);
}

function reduced({ pixels, alpha }, factor) {
  const small = scaled(pixels, factor);
  return { pixels: small, alpha: alpha && resize(alpha, small.width, small.height, "lanczos") };
}

function styleView(picture, side) {
  let { width, height } = picture;
  const longest = MAX_ASPECT * Math.min(width, height);
  const top = Math.floor(Math.max(0, height - longest) / 2), left = Math.floor(Math.max(0, width - longest) / 2);
  if (top || left) picture = crop(picture, left, top, Math.min(width, longest), Math.min(height, longest));
  ({ width, height } = picture);
  const factor = side / Math.min(width, height);
  const wide = Math.max(side, roundEven(width * factor)), tall = Math.max(side, roundEven(height * factor));
  return wide === width && tall === height ? picture : resize(asBytes(picture), wide, tall, "bicubic");
}

/** Indices into a row of pixels, padded by reflection to `total`, `before` of them in front. */
function reflected(length, before, total) {
  const period = 2 * (length - 1);
  return Int32Array.from({ length: total }, (_, i) => {
    if (length === 1) return 0;
    const place = Math.abs(i - before) % period;
    return Math.min(place, period - place);
  });
}

function atLeast(content) {
  const width = Math.max(content.width, MIN_SIDE), height = Math.max(content.height, MIN_SIDE);
  if (width === content.width && height === content.height) return content;
  const edge = Math.min(content.width, content.height) === 1;
  const index = (length, total) => edge ? Int32Array.from({ length: total }, (_, i) => Math.min(i, length - 1)) : reflected(length, 0, total);
  const rows = index(content.height, height), columns = index(content.width, width), out = new content.data.constructor(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) out[(y * width + x) * 3 + c] = content.data[(rows[y] * content.width + columns[x]) * 3 + c];
    }
  }
  return image(out, width, height, 3);
}

function planes({ data, width, height }) {
  const plane = width * height, out = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) out[c * plane + i] = data[3 * i + c];
  return out;
}

function interleaved(data, width, height) {
  const plane = width * height, out = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) out[3 * i + c] = data[c * plane + i];
  return image(out, width, height, 3);
}

function averaged(maps, count, height, width, scale) {
  const tall = height / scale, wide = width / scale;
  if (scale === 1) return { data: maps, dims: [1, count, height, width] };
  const out = new Float32Array(count * tall * wide);
  for (let map = 0; map < count; map++) {
    for (let y = 0; y < height; y++) {
      const to = (map * tall + Math.floor(y / scale)) * wide, from = (map * height + y) * width;
      for (let x = 0; x < width; x++) out[to + Math.floor(x / scale)] += maps[from + x];
    }
  }
  for (let i = 0; i < out.length; i++) out[i] /= scale * scale;
  return { data: out, dims: [1, count, tall, wide] };
}
