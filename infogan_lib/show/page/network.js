// A network from its plan (a list of layers, written by Python) and its tensors. Images are kept with their channels
// last. Batch norms are folded: each layer ends in `scale * value + offset`, a pair for each set of statistics.

import { ROWS, pack, padded } from "./kernel.js";

const EPS = 1e-5; // torch's, of batch norm
export const PIECE = 10; // images that go through together: what lies between two layers stays in the cache

export class Misfit extends Error {}

// plan: [{op, key, ...}]; shape: of one input, [numbers] or [channels, height, width]; views: names of statistics.
// Returns {run(rows, n, views) -> Float32Array of n outputs, size, shape}: input i is normed by views[i % views.length].
export function network(engine, plan, tensors, shape, views = []) {
  const stages = [];
  let now = shape; // what comes out so far
  let from = null; // [channels, height, width] where the numbers were flattened from an image
  let norms = 0;
  for (let i = 0; i < plan.length; i++) {
    const { op, key } = plan[i];
    if (op === "linear") {
      const into = nextUnflatten(plan, i);
      const stage = linear(tensors, key, size(now), from, into);
      stages.push(stage);
      now = [stage.N];
      from = null;
    } else if (op === "up" || op === "down") {
      const stage = (op === "up" ? up : down)(tensors, key, now);
      stages.push(stage);
      now = stage.shape;
    } else if (op === "norm") {
      fold(stages.at(-1), tensors, key, norms++, views);
    } else if (op === "flatten") {
      if (now.length === 3) from = now;
      now = [size(now)];
    } else if (op === "unflatten") {
      if (size(plan[i].shape) !== size(now)) throw new Misfit(`${size(now)} numbers make no image of ${plan[i].shape}`);
      now = plan[i].shape;
    } else {
      stages.at(-1).after = plan[i];
    }
  }
  const room = { x: 0, a: 0, y: 0 };
  for (const stage of stages) {
    stage.weights = engine.reserve(stage.K * stage.wide);
    pack(stage.dense, stage.K, stage.N, stage.wide, engine.floats, stage.weights);
    delete stage.dense;
    const rows = padded(PIECE * stage.rows, ROWS);
    room.x = Math.max(room.x, padded(PIECE, ROWS) * Math.max(stage.inputs, stage.outputs), stage.op === "down" ? 0 : rows * stage.K);
    room.a = Math.max(room.a, stage.op === "down" ? rows * stage.K : 0);
    room.y = Math.max(room.y, rows * stage.wide);
  }
  const at = { x: engine.reserve(room.x), a: engine.reserve(room.a), y: engine.reserve(room.y) };
  const inputs = size(shape);
  const outputs = size(now);

  function run(rows, n, by = [null]) {
    const result = new Float32Array(n * outputs);
    for (let first = 0; first < n; first += PIECE) {
      const count = Math.min(PIECE, n - first);
      engine.floats.set(rows.subarray(first * inputs, (first + count) * inputs), at.x);
      for (const stage of stages) {
        const folded = by.map((view) => stage.folded[view] ?? stage.folded.null);
        forward(engine, stage, at, count, (i) => folded[(first + i) % folded.length]);
      }
      result.set(engine.floats.subarray(at.x, at.x + count * outputs), first * outputs);
    }
    return result;
  }
  return { run, size: outputs, shape: now };
}

const size = (shape) => shape.reduce((a, b) => a * b, 1);

function nextUnflatten(plan, i) { // the image that a layer's numbers become
  for (const { op, shape } of plan.slice(i + 1)) {
    if (op === "unflatten") return shape;
    if (op === "linear") return null;
  }
  return null;
}

function tensor(tensors, key, dimensions) {
  const found = tensors[key];
  if (!found) throw new Misfit(`the tensor ${key} is missing`);
  if (found.shape.length !== dimensions) throw new Misfit(`the tensor ${key} has another shape`);
  return found;
}

// Where a number that torch keeps as [channel][place] goes when channels are last: f(i) of [channels, height, width].
function channelsLast(shape) {
  if (!shape) return (i) => i;
  const places = shape[1] * shape[2];
  return (i) => (i % places) * shape[0] + Math.floor(i / places);
}

function bare(stage, tensors, key, channels, order = (i) => i) { // bias alone, before any norm
  const scale = new Float32Array(channels).fill(1);
  const offset = new Float32Array(channels);
  const bias = tensors[`${key}.bias`];
  if (bias) {
    if (bias.data.length !== channels) throw new Misfit(`the tensor ${key}.bias has another shape`);
    bias.data.forEach((b, j) => (offset[order(j)] = b));
  }
  return Object.assign(stage, { folded: { null: { scale, offset } }, after: { op: "none" }, order });
}

function linear(tensors, key, width, from, into) {
  const { shape: [N, K], data } = tensor(tensors, `${key}.weight`, 2);
  if (K !== width) throw new Misfit(`${key} takes ${K} numbers and is given ${width}`);
  const [row, column] = [channelsLast(from), channelsLast(into)];
  const dense = new Float32Array(K * N);
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) dense[row(k) * N + column(n)] = data[n * K + k];
  const stage = { op: "linear", K, N, wide: padded(N, 8), rows: 1, inputs: K, outputs: N, dense };
  return bare(stage, tensors, key, N, column);
}

// Kernels are 4 x 4, two pixels apart, with one pixel of padding: up doubles the side of an image, down halves it.

function up(tensors, key, [channels, height, width]) {
  const { shape: [C, O, kh, kw], data } = tensor(tensors, `${key}.weight`, 4);
  if (C !== channels || kh !== 4 || kw !== 4) throw new Misfit(`${key} takes images of ${C} channels, not ${channels}`);
  const dense = new Float32Array(C * 16 * O); // a column for each place of the kernel and channel
  for (let c = 0; c < C; c++) for (let o = 0; o < O; o++) for (let t = 0; t < 16; t++) {
    dense[c * 16 * O + t * O + o] = data[(c * O + o) * 16 + t];
  }
  const [inputs, outputs] = [C * height * width, 4 * O * height * width];
  const shape = [O, 2 * height, 2 * width];
  const stage = { op: "up", K: C, N: 16 * O, wide: padded(16 * O, 8), rows: height * width, inputs, outputs, dense };
  return bare(Object.assign(stage, { C, O, height, width, shape }), tensors, key, O);
}

function down(tensors, key, [channels, height, width]) {
  const { shape: [O, C, kh, kw], data } = tensor(tensors, `${key}.weight`, 4);
  if (C !== channels || kh !== 4 || kw !== 4) throw new Misfit(`${key} takes images of ${C} channels, not ${channels}`);
  const dense = new Float32Array(16 * C * O); // a row for each place of the kernel and channel
  for (let o = 0; o < O; o++) for (let c = 0; c < C; c++) for (let t = 0; t < 16; t++) {
    dense[(t * C + c) * O + o] = data[(o * C + c) * 16 + t];
  }
  const shape = [O, height / 2, width / 2];
  const [inputs, outputs] = [C * height * width, size(shape)];
  const stage = { op: "down", K: 16 * C, N: O, wide: padded(O, 8), rows: outputs / O, inputs, outputs, dense };
  return bare(Object.assign(stage, { C, O, height, width, shape }), tensors, key, O);
}

function fold(stage, tensors, key, index, views) {
  const at = (name) => tensor(tensors, name, 1).data;
  const [gamma, beta] = [at(`${key}.weight`), at(`${key}.bias`)];
  const before = stage.folded.null;
  const channels = before.scale.length;
  // A norm after `unflatten` has a number for each channel; the layer before it one for each channel and place.
  const many = gamma.length < channels;
  if (channels % gamma.length) throw new Misfit(`${key} normalises ${gamma.length} channels, not ${channels}`);
  for (const view of [null, ...views]) {
    const statistics = view === null ? key : `statistics.${view}.${index}`;
    const [mean, variance] = [at(`${statistics}.running_mean`), at(`${statistics}.running_var`)];
    const scale = new Float32Array(channels);
    const offset = new Float32Array(channels);
    for (let j = 0; j < channels; j++) {
      const [i, o] = many ? [j % gamma.length, j] : [j, stage.order(j)];
      scale[o] = gamma[i] / Math.sqrt(variance[i] + EPS);
      offset[o] = (before.offset[o] - mean[i]) * scale[o] + beta[i];
    }
    stage.folded[view] = { scale, offset };
  }
}

function forward(engine, stage, at, count, foldedOf) {
  const { op, K, wide, rows } = stage;
  const f = engine.floats;
  if (op === "down") spread(f, stage, at, count);
  engine.multiply(op === "down" ? at.a : at.x, stage.weights, at.y, padded(count * rows, ROWS), K, wide);
  for (let n = 0, o = at.x; n < count; n++) {
    const { scale, offset } = foldedOf(n);
    if (op === "up") gather(f, stage, at, n, scale, offset);
    else {
      for (let r = n * rows; r < (n + 1) * rows; r++) {
        for (let j = 0, i = at.y + r * wide; j < stage.N; j++) f[o++] = scale[j] * f[i++] + offset[j];
      }
    }
  }
  activate(f.subarray(at.x, at.x + count * stage.outputs), stage.after);
}

function spread(f, { C, K, height, width }, at, count) { // images -> what each place of the result is made of
  let o = at.a;
  for (let n = 0; n < count; n++) {
    for (let y = -1; y < height - 1; y += 2) for (let x = -1; x < width - 1; x += 2) {
      for (let ky = y; ky < y + 4; ky++) for (let kx = x; kx < x + 4; kx++) {
        const inside = ky >= 0 && ky < height && kx >= 0 && kx < width;
        const i = at.x + ((n * height + ky) * width + kx) * C;
        for (let c = 0; c < C; c++) f[o++] = inside ? f[i + c] : 0;
      }
    }
  }
}

function gather(f, { O, height, width, wide, outputs }, at, n, scale, offset) { // products -> an image twice as large
  let o = at.x + n * outputs;
  for (let y = 0; y < 2 * height; y++) for (let x = 0; x < 2 * width; x++, o += O) {
    for (let c = 0; c < O; c++) f[o + c] = 0;
    for (let ky = (y + 1) % 2; ky < 4; ky += 2) for (let kx = (x + 1) % 2; kx < 4; kx += 2) {
      const [iy, ix] = [(y + 1 - ky) / 2, (x + 1 - kx) / 2];
      if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
      const i = at.y + ((n * height + iy) * width + ix) * wide + (ky * 4 + kx) * O;
      for (let c = 0; c < O; c++) f[o + c] += f[i + c];
    }
    for (let c = 0; c < O; c++) f[o + c] = scale[c] * f[o + c] + offset[c];
  }
}

function activate(values, { op, slope }) {
  if (op === "leaky") for (let i = 0; i < values.length; i++) values[i] = values[i] < 0 ? slope * values[i] : values[i];
  if (op === "tanh") for (let i = 0; i < values.length; i++) values[i] = Math.tanh(slope * values[i]);
}
