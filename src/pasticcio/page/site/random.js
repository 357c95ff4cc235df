// The numbers that numpy's default_rng draws, so that a seed means here what it means in the library and on the command
// line: SeedSequence (O'Neill 2015, "Developing a seed_seq alternative"), PCG64 (O'Neill 2014, XSL-RR 128/64), and the
// normal distribution by a ziggurat of 256 layers (Marsaglia and Tsang 2000).

const mul = Math.imul, MASK64 = (1n << 64n) - 1n, MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const END = 3.6541528853610087963519472518;  // where the tail of the ziggurat begins

function seedWords(numbers) {
  const entropy = [];
  for (const number of numbers) {
    let rest = BigInt(number);
    do { entropy.push(Number(rest & 0xffffffffn)); rest >>= 32n; } while (rest > 0n);
  }
  let hash = 0x43b0d7e5;
  const hashed = value => {
    value ^= hash;
    hash = mul(hash, 0x931e8875);
    value = mul(value, hash);
    return value ^ (value >>> 16);
  };
  const mixed = (one, other) => {
    const value = (mul(one, 0xca01f9dd) - mul(other, 0x4973f715)) | 0;
    return value ^ (value >>> 16);
  };
  const pool = [0, 1, 2, 3].map(i => hashed(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to], hashed(pool[from]));
  for (const value of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mixed(pool[to], hashed(value));
  let out = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = pool[i % 4] ^ out;
    out = mul(out, 0x58f38ded);
    value = mul(value, out);
    return (value ^ (value >>> 16)) >>> 0;
  });
  return [0, 2, 4, 6].map(i => BigInt(words[i]) | (BigInt(words[i + 1]) << 32n));
}

function ziggurat() {
  const density = x => Math.exp(-0.5 * x * x);
  const tail = 0.000323395764663321263;  // area under the density beyond END, without the factor 1 / sqrt(2 pi)
  const area = END * density(END) + tail, unit = 2 ** 52;
  const edges = new Float64Array(256), limit = new Float64Array(256), width = new Float64Array(256), height = new Float64Array(256);
  const base = area / density(END);
  limit[0] = (END / base) * unit; width[0] = base / unit; height[0] = 1;
  width[255] = END / unit; height[255] = density(END);
  let upper = END;
  for (let i = 254; i >= 1; i--) {
    edges[i] = Math.sqrt(-2 * Math.log(area / upper + density(upper)));
    limit[i + 1] = (edges[i] / upper) * unit;
    width[i] = edges[i] / unit; height[i] = density(edges[i]);
    upper = edges[i];
  }
  limit[1] = 0;
  return { limit, width, height };
}

const layers = ziggurat();

export class Random {
  /** seeds: whole numbers, 0 or more. */
  constructor(...seeds) {
    const [a, b, c, d] = seedWords(seeds);
    this.step = (((c << 64n) | d) << 1n | 1n) & MASK128;
    this.state = this.step;  // one step from 0
    this.state = (this.state + ((a << 64n) | b)) & MASK128;
    this.advance();
  }

  advance() { this.state = (this.state * MULTIPLIER + this.step) & MASK128; }

  bits() {
    this.advance();
    const turn = this.state >> 122n, folded = ((this.state >> 64n) ^ this.state) & MASK64;
    return ((folded >> turn) | (folded << ((64n - turn) & 63n))) & MASK64;
  }

  uniform() { return Number(this.bits() >> 11n) * 2 ** -53; }

  normal() {
    for (;;) {
      const bits = this.bits(), layer = Number(bits & 255n), negative = (bits >> 8n) & 1n;
      const place = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = (negative ? -1 : 1) * place * layers.width[layer];
      if (place < layers.limit[layer]) return x;
      if (layer === 0) {
        for (;;) {
          const far = -Math.log1p(-this.uniform()) / END, near = -Math.log1p(-this.uniform());
          if (near + near > far * far) return ((BigInt(place) >> 8n) & 1n) ? -(END + far) : END + far;
        }
      }
      const { height } = layers;
      if ((height[layer - 1] - height[layer]) * this.uniform() + height[layer] < Math.exp(-0.5 * x * x)) return x;
    }
  }
}

const LIMIT = 2.5;  // standard deviations, see the library's StyleGaussian

/** A random style: gaussian has mean (E) and factor (E, E), both Float32Array. */
export function sample({ mean, factor }, random) {
  const length = mean.length, normal = Float32Array.from({ length }, () => Math.max(-LIMIT, Math.min(LIMIT, random.normal())));
  return mean.map((value, row) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += factor[row * length + i] * normal[i];
    return value + sum;
  });
}

/** A random style near another one, at a spread from 0 to 1. */
export function near(gaussian, embedding, spread, random) {
  const { mean } = gaussian, drawn = sample(gaussian, random), kept = Math.sqrt(1 - spread * spread);
  return mean.map((value, i) => value + kept * (embedding[i] - value) + spread * (drawn[i] - value));
}
