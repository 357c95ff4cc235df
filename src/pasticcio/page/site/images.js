// Images in memory, and their resizing as Pillow does it: two passes, coefficients of 22 bits, rounding after each pass.
// An image is { data, width, height, channels }, interleaved; Uint8Array from 0 to 255, or Float32Array from 0 to 1.

const BITS = 2 ** 22;

const sinc = x => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const FILTERS = {
  box: { support: 0.5, at: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: x => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    at: x => {
      const a = -0.5, d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
  lanczos: { support: 3, at: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

export const image = (data, width, height, channels) => ({ data, width, height, channels });
export const isBytes = picture => !(picture.data instanceof Float32Array);

/** Python's round: halves go to the even number. */
export function roundEven(value) {
  const low = Math.floor(value), rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

export function asFloat(picture) {
  if (!isBytes(picture)) return picture;
  const out = new Float32Array(picture.data.length);
  for (let i = 0; i < out.length; i++) out[i] = picture.data[i] / 255;
  return { ...picture, data: out };
}

export function asBytes(picture) {
  if (isBytes(picture)) return picture;
  const out = new Uint8Array(picture.data.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.max(0, Math.min(255, Math.floor(picture.data[i] * 255 + 0.5)));
  return { ...picture, data: out };
}

function coefficients(length, start, end, size, filter) {
  const { support, at } = FILTERS[filter];
  const scale = (end - start) / size, stretch = Math.max(scale, 1), reach = support * stretch;
  const first = new Int32Array(size), weights = [];
  for (let i = 0; i < size; i++) {
    const center = start + (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - reach + 0.5)), high = Math.min(length, Math.trunc(center + reach + 0.5));
    const row = new Float64Array(high - low);
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += row[j] = at((j + low - center + 0.5) / stretch);
    for (let j = 0; j < row.length; j++) row[j] /= sum || 1;
    first[i] = low;
    weights.push(row);
  }
  return { first, weights };
}

function whole(weights) {
  for (const row of weights) for (let j = 0; j < row.length; j++) row[j] = Math.round(row[j] * BITS);
}

/**
 * Resize an image.
 * box: left, top, right and bottom of the part that is taken; by default all.
 */
export function resize(picture, width, height, filter, box = [0, 0, picture.width, picture.height]) {
  const bytes = isBytes(picture), { channels } = picture;
  const across = width !== picture.width || box[0] !== 0 || box[2] !== width;
  const down = height !== picture.height || box[1] !== 0 || box[3] !== height;
  let current = picture;
  const rows = down ? coefficients(picture.height, box[1], box[3], height, filter) : null;
  // Only the rows that the second pass reads are made by the first one.
  const top = rows ? rows.first[0] : 0;
  const bottom = rows ? rows.first[height - 1] + rows.weights[height - 1].length : picture.height;
  if (across) {
    const { first, weights } = coefficients(picture.width, box[0], box[2], width, filter);
    if (bytes) whole(weights);
    const out = new picture.data.constructor(width * (bottom - top) * channels);
    for (let y = top; y < bottom; y++) {
      for (let x = 0; x < width; x++) {
        const row = weights[x], from = (y * picture.width + first[x]) * channels, to = ((y - top) * width + x) * channels;
        for (let c = 0; c < channels; c++) {
          let sum = bytes ? BITS / 2 : 0;
          for (let j = 0, at = from + c; j < row.length; j++, at += channels) sum += picture.data[at] * row[j];
          out[to + c] = bytes ? Math.max(0, Math.min(255, Math.floor(sum / BITS))) : sum;
        }
      }
    }
    current = image(out, width, bottom - top, channels);
  } else if (top > 0 || bottom < picture.height) {
    const wide = picture.width * channels;
    current = image(picture.data.subarray(top * wide, bottom * wide), picture.width, bottom - top, channels);
  }
  if (!rows) return current;
  if (bytes) whole(rows.weights);
  const wide = current.width * channels, out = new picture.data.constructor(wide * height), sums = new Float64Array(wide);
  for (let y = 0; y < height; y++) {
    const row = rows.weights[y];
    sums.fill(bytes ? BITS / 2 : 0);
    for (let j = 0; j < row.length; j++) {
      const weight = row[j], from = (rows.first[y] - top + j) * wide;
      for (let x = 0; x < wide; x++) sums[x] += current.data[from + x] * weight;
    }
    const to = y * wide;
    if (bytes) for (let x = 0; x < wide; x++) out[to + x] = Math.max(0, Math.min(255, Math.floor(sums[x] / BITS)));
    else for (let x = 0; x < wide; x++) out[to + x] = sums[x];
  }
  return image(out, current.width, height, channels);
}

export const copy = picture => ({ ...picture, data: picture.data.slice() });

/** An image with both sides multiplied by `factor`, and at least one pixel long. */
export function scaled(picture, factor) {
  const width = Math.max(1, roundEven(picture.width * factor)), height = Math.max(1, roundEven(picture.height * factor));
  return resize(picture, width, height, "lanczos");
}

export function crop(picture, left, top, width, height) {
  const { channels } = picture, out = new picture.data.constructor(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * channels;
    out.set(picture.data.subarray(from, from + width * channels), y * width * channels);
  }
  return image(out, width, height, channels);
}
