// The faint pattern that even areas get before they are stylized, as the library's image.texture makes it.
import { asFloat, image, isBytes, resize, roundEven } from "./images.js";
import { Random } from "./random.js";

const AMPLITUDE = 0.015, EVEN = 0.02, BLOCK = 8, COARSEST = 32, OCTAVES = 4, PERIOD = 1024, SEED = 1705;
let made = null;

export function pattern() {
  if (made) return made;
  const random = new Random(SEED), total = new Float32Array(PERIOD * PERIOD);
  for (let octave = 0; octave < OCTAVES; octave++) {
    const step = COARSEST >> octave, side = PERIOD / step, knots = new Float32Array(side * side).map(() => random.normal());
    const wide = side + 4, padded = new Float32Array(wide * wide), full = PERIOD + 4 * step;
    for (let y = 0; y < wide; y++) {
      for (let x = 0; x < wide; x++) padded[y * wide + x] = knots[((y - 2 + side) % side) * side + ((x - 2 + side) % side)];
    }
    const { data } = resize(image(padded, wide, wide, 1), full, full, "bicubic");
    for (let y = 0; y < PERIOD; y++) {
      for (let x = 0; x < PERIOD; x++) total[y * PERIOD + x] += data[(y + 2 * step) * full + x + 2 * step];
    }
  }
  const mean = total.reduce((sum, value) => sum + value, 0) / total.length;
  const deviation = Math.sqrt(total.reduce((sum, value) => sum + (value - mean) ** 2, 0) / total.length);
  return made = total.map(value => (value - mean) / deviation);
}

/** How even a photo is around each block of 8 x 8 pixels, from 0 to 1. */
export function evenness(photo) {
  const { data, width, height } = asFloat(photo);
  const across = Math.ceil(width / BLOCK), down = Math.ceil(height / BLOCK), size = across * down;
  const mean = new Float64Array(size), square = new Float64Array(size);
  for (let y = 0; y < down * BLOCK; y++) {
    const row = Math.min(y, height - 1) * width, block = Math.floor(y / BLOCK) * across;
    for (let x = 0; x < across * BLOCK; x++) {
      const at = (row + Math.min(x, width - 1)) * 3, gray = (data[at] + data[at + 1] + data[at + 2]) / 3;
      mean[block + Math.floor(x / BLOCK)] += gray / BLOCK ** 2;
      square[block + Math.floor(x / BLOCK)] += gray * gray / BLOCK ** 2;
    }
  }
  const around = (values, x, y) => {
    let sum = 0;
    for (let b = -1; b <= 1; b++) {
      for (let a = -1; a <= 1; a++) {
        sum += values[Math.max(0, Math.min(down - 1, y + b)) * across + Math.max(0, Math.min(across - 1, x + a))];
      }
    }
    return sum / 9;
  };
  const even = new Float32Array(size);
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const deviation = Math.sqrt(Math.max(around(square, x, y) - around(mean, x, y) ** 2, 0));
      even[y * across + x] = Math.max(0, Math.min(1, 1 - deviation / EVEN));
    }
  }
  return image(even, across, down, 1);
}

/** A photo (bytes) whose even areas have the pattern; share: a factor for each place, or null. */
export function textured(photo, amount, share) {
  if (amount === 0 || !isBytes(photo)) return photo;
  const even = evenness(photo);
  if (!even.data.some(value => value > 0)) return photo;
  const { width, height } = photo, strength = resize(even, width, height, "bilinear").data, noise = pattern(), out = photo.data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const added = strength[i] * noise[(y % PERIOD) * PERIOD + (x % PERIOD)] * amount * AMPLITUDE * 255 * (share ? share[i] : 1);
      if (added === 0) continue;
      for (let c = 3 * i; c < 3 * i + 3; c++) out[c] = Math.max(0, Math.min(255, roundEven(out[c] + added)));
    }
  }
  return { ...photo, data: out };
}
