// The kinds of code, as in the library's `core.codes`: how a value is encoded for G, what Q's numbers mean, which
// values a knob has. A code is its JSON from the file's manifest.

import { Foreign } from "./safetensors.js";

const sum = (list) => list.reduce((a, b) => a + b, 0);
const between = (low, high, steps) => Array.from({ length: steps }, (_, i) => low + ((high - low) * i) / (steps - 1));
const softplus = (x) => (x > 20 ? x : Math.log1p(Math.exp(x)));

const normal = (centre, scale, range) => ({
  width: () => 1,
  qWidth: (code) => (code.sigma == null ? 2 : 1),
  encode: (code, value) => [(value - centre(code)) / scale(code)],
  read: (code, raw) => ({
    mean: centre(code) + scale(code) * raw[0],
    stddev: scale(code) * (code.sigma ?? (code.sigma_floor ?? 0.1) + softplus(raw[1])),
  }),
  centre,
  zone: range,
  ends: (code) => range(code).map((end) => 2 * end - centre(code)), // twice as far as training went
  likeliest: (q) => q.mean,
  valid: (code) => Number.isFinite(centre(code)) && scale(code) > 0,
});

const KINDS = {
  Categorical: {
    width: (code) => code.k,
    qWidth: (code) => code.k,
    encode: (code, value) => Array.from({ length: code.k }, (_, i) => Number(i === value)),
    read: (code, raw) => {
      const top = Math.max(...raw);
      const e = raw.map((x) => Math.exp(x - top));
      return { probs: e.map((x) => x / sum(e)) };
    },
    likeliest: (q) => q.probs.indexOf(Math.max(...q.probs)),
    states: (code) => Array.from({ length: code.k }, (_, i) => i),
    valid: (code) => Number.isInteger(code.k) && code.k >= 2 && code.k <= 10000,
  },
  Bernoulli: {
    width: () => 1,
    qWidth: () => 1,
    encode: (code, value) => [2 * value - 1],
    read: (code, raw) => {
      const p = 1 / (1 + Math.exp(-raw[0]));
      return { probs: [1 - p, p] };
    },
    likeliest: (q) => Number(q.probs[1] > 0.5),
    states: () => [0, 1],
    valid: () => true,
  },
  Uniform: normal(
    (code) => ((code.low ?? -1) + (code.high ?? 1)) / 2,
    (code) => ((code.high ?? 1) - (code.low ?? -1)) / 2,
    (code) => [code.low ?? -1, code.high ?? 1],
  ),
  Gaussian: normal(
    (code) => code.mean ?? 0,
    (code) => code.std ?? 1,
    (code) => [(code.mean ?? 0) - 2 * (code.std ?? 1), (code.mean ?? 0) + 2 * (code.std ?? 1)],
  ),
  Circular: {
    width: () => 2,
    qWidth: () => 2,
    encode: (code, value) => [Math.cos(value), Math.sin(value)],
    read: (code, raw) => {
      const ceiling = (code.sigma_floor ?? 0.1) ** -2;
      let v = [raw[0] + 1e-3, raw[1]];
      if (v[0] ** 2 + v[1] ** 2 < 1e-7) v = [1e-3, 0];
      const concentration = ceiling * Math.tanh(Math.hypot(...v) / ceiling);
      return { angle: Math.atan2(v[1], v[0]), concentration, length: meanLength(concentration) };
    },
    likeliest: (q) => q.angle,
    centre: () => 0,
    ends: () => [-Math.PI, Math.PI],
    valid: (code) => (code.sigma_floor ?? 0.1) > 0,
  },
};

function meanLength(concentration) { // of a von Mises: how far its mean lies from the middle of the circle
  const angles = Array.from({ length: 720 }, (_, i) => (Math.PI * i) / 360);
  const weights = angles.map((a) => Math.exp(concentration * (Math.cos(a) - 1)));
  return sum(angles.map((a, i) => Math.cos(a) * weights[i])) / sum(weights);
}

export const kind = (code) => KINDS[code.kind];
export const discrete = (code) => Boolean(kind(code).states);

export function checkSpec(spec) {
  const noise = spec?.noise;
  const right =
    Number.isInteger(noise?.size) && noise.size >= 0 && Array.isArray(spec.codes) &&
    spec.codes.every((code) => typeof code?.name === "string" && Object.hasOwn(KINDS, code.kind) && kind(code).valid(code));
  if (!right || width(spec) > 10000) throw new Foreign("its manifest describes no codes that this page knows");
  return spec;
}

export const width = (spec) => spec.noise.size + sum(spec.codes.map((code) => kind(code).width(code)));
export const qWidth = (spec) => sum(spec.codes.map((code) => kind(code).qWidth(code)));

// What G is given: the noise, then each code, in the spec's order. `values` is {name: value}.
export function encode(spec, noise, values) {
  return [...noise, ...spec.codes.flatMap((code) => kind(code).encode(code, values[code.name]))];
}

// Q's numbers of one image -> {name: {probs} or {mean, stddev} or {angle, concentration, length}}.
export function posterior(spec, raw) {
  const found = {};
  let at = 0;
  for (const code of spec.codes) {
    found[code.name] = kind(code).read(code, raw.slice(at, (at += kind(code).qWidth(code))));
  }
  return found;
}

// What can be turned: the codes or, of a model without codes, the first five numbers of its noise, z0 to z4.
export function knobs(spec) {
  const codes = spec.codes.map((code) => ({
    name: code.name, code, discrete: discrete(code), circular: code.kind === "Circular",
    states: kind(code).states?.(code), ends: kind(code).ends?.(code), zone: kind(code).zone?.(code),
    rest: discrete(code) ? 0 : kind(code).centre(code),
  }));
  if (codes.length) return codes;
  const zone = spec.noise.kind === "uniform" ? [-1, 1] : [-2, 2];
  return Array.from({ length: Math.min(5, spec.noise.size) }, (_, index) => ({ name: `z${index}`, index, ends: [-3, 3], zone, rest: 0 }));
}

// Its values from end to end.
export function points(knob, steps = 10) {
  if (knob.discrete) return knob.states;
  if (knob.circular) return between(-Math.PI, Math.PI, steps + 1).slice(0, steps);
  return between(...knob.ends, steps);
}

// `size` numbers of noise from a seed, the same in every browser.
export function noise(spec, seed) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  if (spec.noise.kind === "uniform") return Array.from({ length: spec.noise.size }, () => 2 * uniform() - 1);
  return Array.from({ length: spec.noise.size }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
