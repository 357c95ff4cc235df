// Keeping the photo's colors, as the library's image.color does it (Gatys et al. 2016, sections 4.1 and 4.2).
import { asBytes, asFloat, image, isBytes, resize, roundEven } from "./images.js";

const Y = [0.299, 0.587, 0.114], I = [0.595716, -0.274453, -0.321263], Q = [0.211456, -0.522591, 0.311135];
const LEAST = 1e-5;  // variance of colors: smaller ones cannot be stretched
const THUMBNAIL = 2e6;  // pixels, at most, from which the colors of a picture are taken

/** A picture as floats, made smaller where it has many pixels. */
export function thumbnail(picture) {
  const pixels = picture.width * picture.height;
  if (pixels <= THUMBNAIL) return asFloat(picture);
  const factor = Math.sqrt(THUMBNAIL / pixels);
  const width = Math.max(1, roundEven(picture.width * factor)), height = Math.max(1, roundEven(picture.height * factor));
  return asFloat(resize(asBytes(picture), width, height, "box"));
}

export function luminance(picture) {
  const { data, width, height } = asFloat(picture), out = new Float32Array(width * height);
  for (let i = 0, j = 0; i < out.length; i++, j += 3) out[i] = data[j] * Y[0] + data[j + 1] * Y[1] + data[j + 2] * Y[2];
  return image(out, width, height, 1);
}

export function gray(light) {
  const out = new Float32Array(light.data.length * 3);
  for (let i = 0; i < light.data.length; i++) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = light.data[i];
  return image(out, light.width, light.height, 3);
}

const clip = value => (value < 0 ? 0 : value > 1 ? 1 : value);

function moments({ data }, channels) {
  const count = data.length / channels, mean = new Array(channels).fill(0);
  for (let i = 0; i < data.length; i += channels) for (let c = 0; c < channels; c++) mean[c] += data[i + c];
  for (let c = 0; c < channels; c++) mean[c] /= count;
  const covariance = mean.map(() => new Array(channels).fill(0));
  for (let i = 0; i < data.length; i += channels) {
    for (let a = 0; a < channels; a++) {
      for (let b = a; b < channels; b++) covariance[a][b] += (data[i + a] - mean[a]) * (data[i + b] - mean[b]);
    }
  }
  for (let a = 0; a < channels; a++) for (let b = a; b < channels; b++) covariance[b][a] = covariance[a][b] /= count;
  return { mean, covariance };
}

/** Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations. */
function eigen(matrix) {
  const n = matrix.length, a = matrix.map(row => [...row]), v = a.map((_, i) => a.map((_, j) => +(i === j)));
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p][q] ** 2;
    if (off < 1e-30) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1), s = t * c;
        for (let k = 0; k < n; k++) { const x = a[k][p], y = a[k][q]; a[k][p] = c * x - s * y; a[k][q] = s * x + c * y; }
        for (let k = 0; k < n; k++) { const x = a[p][k], y = a[q][k]; a[p][k] = c * x - s * y; a[q][k] = s * x + c * y; }
        for (let k = 0; k < n; k++) { const x = v[k][p], y = v[k][q]; v[k][p] = c * x - s * y; v[k][q] = s * x + c * y; }
      }
    }
  }
  return { values: a.map((row, i) => row[i]), vectors: v };
}

const product = (a, b) => a.map(row => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));

function root(matrix, inverse) {
  const { values, vectors } = eigen(matrix);
  const scale = values.map(value => Math.sqrt(Math.max(value, LEAST)) ** (inverse ? -1 : 1));
  return product(vectors.map(row => row.map((value, k) => value * scale[k])), vectors[0].map((_, j) => vectors.map(row => row[j])));
}

/** The linear map that gives a picture the mean and covariance of another's colors; both floats. */
export function colorMap(picture, to) {
  const own = moments(picture, 3), wanted = moments(to, 3);
  const m = product(root(wanted.covariance), root(own.covariance, true)), matrix = m[0].map((_, j) => m.map(row => row[j]));
  const shift = wanted.mean.map((value, j) => value - own.mean.reduce((sum, mean, k) => sum + mean * matrix[k][j], 0));
  return source => {
    const { data } = asFloat(source), out = new Float32Array(data.length);
    for (let i = 0; i < data.length; i += 3) {
      for (let j = 0; j < 3; j++) {
        out[i + j] = clip(data[i] * matrix[0][j] + data[i + 1] * matrix[1][j] + data[i + 2] * matrix[2][j] + shift[j]);
      }
    }
    const result = image(out, source.width, source.height, 3);
    return isBytes(source) ? asBytes(result) : result;
  };
}

export const matchColors = (picture, to) => colorMap(asFloat(picture), to)(asFloat(picture));

/** A gray picture with the mean and standard deviation of another's luminance. */
export function matchLuminance(picture, to) {
  const light = luminance(picture), own = moments(light, 1), wanted = moments(luminance(to), 1);
  const scale = Math.sqrt(wanted.covariance[0][0]) / Math.max(Math.sqrt(own.covariance[0][0]), Math.sqrt(LEAST));
  return gray({ ...light, data: light.data.map(value => clip((value - own.mean[0]) * scale + wanted.mean[0])) });
}

function inverse3([[a, b, c], [d, e, f], [g, h, i]]) {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [[e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f], [d * h - e * g, b * g - a * h, a * e - b * d]]
    .map(row => row.map(value => value / det));
}
const BACK = inverse3([Y, I, Q]);

/** The colors of a photo with the luminance of another picture; of the kind of that picture. */
export function withLuminance(photo, picture) {
  const from = asFloat(photo).data, light = luminance(picture).data, out = new Float32Array(from.length);
  for (let i = 0, j = 0; i < light.length; i++, j += 3) {
    const y = light[i], [r, g, b] = [from[j], from[j + 1], from[j + 2]];
    const u = r * I[0] + g * I[1] + b * I[2], v = r * Q[0] + g * Q[1] + b * Q[2];
    for (let c = 0; c < 3; c++) out[j + c] = clip(y * BACK[c][0] + u * BACK[c][1] + v * BACK[c][2]);
  }
  const result = image(out, photo.width, photo.height, 3);
  return isBytes(picture) ? asBytes(result) : result;
}
