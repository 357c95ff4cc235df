// Enlarging a picture that was stylized at a smaller size, with the detail of the photo: the library's image.detail
// (a guided filter, He et al. 2013, equation 5).
import { asFloat, image, resize } from "./images.js";
import { luminance } from "./colors.js";

const RADIUS = 4, EVEN = 1e-3, MOST = 1.5, SLAB = 256;

function blurred({ data, width, height }) {
  const count = 2 * RADIUS + 1, out = new Float32Array(data.length), turned = new Float32Array(data.length);
  const pass = (from, to, lines, length, line, step) => {
    for (let l = 0; l < lines; l++) {
      const at = i => from[l * line + Math.max(0, Math.min(length - 1, i)) * step];
      let sum = 0;
      for (let i = -RADIUS; i <= RADIUS; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        to[l * line + i * step] = sum / count;
        sum += at(i + RADIUS + 1) - at(i - RADIUS);
      }
    }
  };
  pass(data, turned, width, height, 1, width);
  pass(turned, out, height, width, width, 1);
  return image(out, width, height, 1);
}

const both = (one, other, change) => ({ ...one, data: one.data.map((value, i) => change(value, other.data[i])) });

/** small: floats, stylized; smallPhoto: the photo at that size; photo: bytes, at its full size. Returns bytes. */
export function enlarge(small, smallPhoto, photo) {
  const light = luminance(smallPhoto), mean = blurred(light);
  const variance = both(blurred(both(light, light, (a, b) => a * b)), mean, (a, m) => a - m * m);
  const planes = [0, 1, 2].map(c => image(Float32Array.from({ length: light.data.length }, (_, i) => small.data[3 * i + c]), light.width, light.height, 1));
  const slopes = planes.map(plane => {
    const product = blurred(both(light, plane, (a, b) => a * b)), color = blurred(plane), out = new Float32Array(light.data.length);
    for (let i = 0; i < out.length; i++) out[i] = (product.data[i] - mean.data[i] * color.data[i]) / (variance.data[i] + EVEN);
    const smooth = blurred({ ...light, data: out });
    return { ...smooth, data: smooth.data.map(value => Math.max(-MOST, Math.min(MOST, value))) };
  });
  const { width, height } = photo, out = new Uint8Array(photo.data.length);
  for (let top = 0; top < height; top += SLAB) {
    const bottom = Math.min(top + SLAB, height), rows = bottom - top;
    const box = [0, top * light.height / height, light.width, bottom * light.height / height];
    const large = plane => resize(plane, width, rows, "bicubic", box).data;
    const part = luminance(asFloat(image(photo.data.subarray(top * width * 3, bottom * width * 3), width, rows, 3))).data;
    const coarse = large(light);
    for (let c = 0; c < 3; c++) {
      const base = large(planes[c]), slope = large(slopes[c]);
      for (let i = 0; i < base.length; i++) {
        const value = (base[i] + slope[i] * (part[i] - coarse[i])) * 255 + 0.5;
        out[(top * width + i) * 3 + c] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
  return image(out, width, height, 3);
}
