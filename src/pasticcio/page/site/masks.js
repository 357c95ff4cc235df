// Masks: the share of a style at every place, one byte each; read, resized and softened as the library's image.mask does.
import { asBytes, image, resize } from "./images.js";
import { luminance } from "./colors.js";

const SOFT = 4, PASSES = 3;  // pixels; passes of an extended box filter (Gwosdek et al. 2011) that make a Gaussian

function radius(deviation) {
  const square = deviation * deviation / PASSES, whole = Math.floor((Math.sqrt(12 * square + 1) - 1) / 2);
  const rest = (2 * whole + 1) * (whole * (whole + 1) - 3 * square) / (6 * (square - (whole + 1) ** 2));
  return whole + rest;
}

function boxed(line, out, reach) {
  const whole = Math.floor(reach), part = reach - whole, length = line.length, size = 2 * reach + 1;
  const at = i => line[i < 0 ? 0 : i >= length ? length - 1 : i];
  let sum = 0;
  for (let i = -whole; i <= whole; i++) sum += at(i);
  for (let i = 0; i < length; i++) {
    out[i] = Math.floor((sum + part * (at(i - whole - 1) + at(i + whole + 1))) / size + 0.5);
    sum += at(i + whole + 1) - at(i - whole);
  }
}

function softened({ data, width, height }) {
  const reach = radius(SOFT), out = data.slice();
  const pass = (lines, length, stride, step) => {
    let line = new Float64Array(length), next = new Float64Array(length);
    for (let l = 0; l < lines; l++) {
      for (let i = 0; i < length; i++) line[i] = out[l * stride + i * step];
      for (let n = 0; n < PASSES; n++) { boxed(line, next, reach); [line, next] = [next, line]; }
      for (let i = 0; i < length; i++) out[l * stride + i * step] = line[i];
    }
  };
  pass(height, width, width, 1);
  pass(width, height, 1, width);
  return image(out, width, height, 1);
}

/** The mask of a picture { pixels, alpha }, for a photo of that size. */
export function mask({ pixels, alpha }, width, height) {
  const light = luminance(pixels);
  if (alpha) for (let i = 0; i < light.data.length; i++) light.data[i] *= alpha.data[i] / 255;
  return softened(resize(asBytes(light), width, height, "bilinear"));
}

export function product(one, other) {
  return { ...one, data: one.data.map((value, i) => Math.floor((value * other.data[i] + 127) / 255)) };
}

/** The share of each place that masks give to styles, from 0 to 1. */
export function styled(masks) {
  if (!masks.length) return null;
  return Float32Array.from(masks[0].data, (_, i) => Math.min(1, masks.reduce((sum, one) => sum + one.data[i], 0) / 255));
}
