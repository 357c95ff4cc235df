// A photo mixed with what became of it at a smaller size, for the next and finer rendering: the library's
// image.underpaint, and the sizes of its render.levels.
import { asFloat, image, resize } from "./images.js";

const BLUR = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];
const USUAL = 512, LARGE = 768, MOST = 8, STEP = 2.5;

export const SHARE = 0.65;

/** How many times larger than those of one pass the strokes of a photo are; asked: null for what suits its size. */
export function strokeFor(asked, width, height) {
  if (asked !== null && asked !== undefined) return asked;
  const short = Math.min(width, height);
  return short >= LARGE ? Math.min(MOST, short / USUAL) : 1;
}

/** By how much the photo is made smaller at each level, coarsest first. */
export function levels(stroke) {
  const steps = stroke > 1 ? Math.ceil(Math.log(stroke) / Math.log(STEP)) : 0;
  return [...Array.from({ length: steps }, (_, done) => stroke ** ((steps - done) / steps)), Math.min(stroke, 1)];
}

function blurred({ data, width, height, channels }) {
  const reach = BLUR.length >> 1, across = new Float32Array(data.length), out = new Float32Array(data.length);
  const pass = (from, to, place) => {
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = -reach; i <= reach; i++) sum += BLUR[i + reach] * from[place(x, y, i) * channels + c];
        to[(y * width + x) * channels + c] = sum;
      }
    }
  };
  const inside = (value, size) => Math.max(0, Math.min(size - 1, value));
  pass(data, across, (x, y, i) => inside(y + i, height) * width + x);
  pass(across, out, (x, y, i) => y * width + inside(x + i, width));
  return image(out, width, height, channels);
}

/** photo: bytes; small: a smaller picture of it; places: a factor on the share for each pixel, or null. Returns bytes. */
export function underpainted(photo, small, share, places) {
  const { width, height } = photo, large = resize(blurred(asFloat(small)), width, height, "bicubic").data;
  const out = new Uint8Array(photo.data.length);
  for (let i = 0; i < out.length; i++) {
    const fine = photo.data[i] / 255, weight = places ? share * places[Math.floor(i / 3)] : share;
    const value = (fine + weight * (large[i] - fine)) * 255 + 0.5;
    out[i] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
  return image(out, width, height, 3);
}
