// One product of matrices, C = A B, is nearly all the work of a network here. A WebAssembly function of four rows
// by eight columns does it some ten times as fast as a loop in JavaScript; its few bytes are put together below, so
// that no binary ships. Where WebAssembly is not allowed, the loop does it.
//
// A is (M, K), row by row. B is (K, N), N a multiple of 8, packed: eight columns at a time, (N / 8, K, 8). C is (M, N).
// M is a multiple of ROWS. All are float32 in one memory; a place in it is counted in floats.

export const ROWS = 4;
const WIDE = 8;

export function engine({ plain = false } = {}) {
  let memory = null;
  let product = null;
  if (!plain) {
    try {
      memory = new WebAssembly.Memory({ initial: 16 });
      const fused = WebAssembly.validate(assemble(true));
      product = new WebAssembly.Instance(new WebAssembly.Module(assemble(fused)), { m: { m: memory } }).exports.f;
    } catch {
      memory = null;
    }
  }
  let floats = new Float32Array(memory ? memory.buffer : 1 << 18);
  let used = 0;

  return {
    fast: memory !== null,
    get floats() {
      return floats; // changes when more is reserved: read it anew after `reserve`
    },
    reserve(count) {
      const start = used;
      used += Math.ceil(count / 8) * 8;
      if (used > floats.length) {
        if (memory) memory.grow(Math.ceil(((used - floats.length) * 4) / 65536));
        const grown = new Float32Array(memory ? memory.buffer : Math.ceil(used * 1.5));
        if (!memory) grown.set(floats);
        floats = grown;
      }
      return start;
    },
    multiply(a, b, c, M, K, N) {
      if (product) product(4 * a, 4 * b, 4 * c, M, K, N);
      else loop(floats, a, b, c, M, K, N);
    },
  };
}

export const padded = (n, to) => Math.ceil(n / to) * to;

export function pack(dense, K, N, wide, into, start) { // (K, N) -> (wide / 8, K, 8), with zeros beyond N
  for (let k = 0; k < K; k++) {
    for (let n = 0; n < wide; n++) {
      into[start + ((n >> 3) * K + k) * WIDE + (n & 7)] = n < N ? dense[k * N + n] : 0;
    }
  }
}

function loop(f, a, b, c, M, K, N) {
  for (let m = 0; m < M; m++) {
    for (let panel = 0; panel < N; panel += WIDE) {
      const at = c + m * N + panel;
      let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
      let w = b + panel * K;
      for (let i = a + m * K; i < a + m * K + K; i++, w += WIDE) {
        const x = f[i];
        s0 += x * f[w], s1 += x * f[w + 1], s2 += x * f[w + 2], s3 += x * f[w + 3];
        s4 += x * f[w + 4], s5 += x * f[w + 5], s6 += x * f[w + 6], s7 += x * f[w + 7];
      }
      f[at] = s0, f[at + 1] = s1, f[at + 2] = s2, f[at + 3] = s3;
      f[at + 4] = s4, f[at + 5] = s5, f[at + 6] = s6, f[at + 7] = s7;
    }
  }
}

// -- the function, in WebAssembly's binary format: https://webassembly.github.io/spec/core/binary/

function assemble(fused) {
  const [A, B, C, M, K, N] = [0, 1, 2, 3, 4, 5]; // the arguments; then the locals
  const [panels, rowA, rowC, row, b, k, stepA, stepC] = [6, 7, 8, 9, 10, 11, 12, 13];
  const a = 14; // a place in each of the rows
  const sums = a + ROWS; // two for each row
  const [b0, b1, x] = [sums + 2 * ROWS, sums + 2 * ROWS + 1, sums + 2 * ROWS + 2];

  const get = (i) => [0x20, i];
  const set = (i) => [0x21, i];
  const number = (n) => [0x41, ...signed(n)];
  const ADD = [0x6a];
  const SUB = [0x6b];
  const MUL = [0x6c];
  const advance = (i, by) => [get(i), by, ADD, set(i)];
  // A loop that ends when `count` has gone down to 0.
  const repeat = (count, body) => [0x03, 0x40, body, get(count), number(1), SUB, [0x22, count], [0x0d, 0], 0x0b];
  const load = (offset) => [0xfd, 0x00, 2, offset];
  const splat = [0xfd, 0x09, 2, 0];
  const store = (offset) => [0xfd, 0x0b, 2, offset];
  const zero = [0xfd, 0x0c, Array(16).fill(0)];
  const timesPlus = fused ? [0xfd, 0x85, 0x02] : [0xfd, 0xe6, 0x01, 0xfd, 0xe4, 0x01];
  // sum += x b: one operation with a single rounding where the browser has it, else two.
  const add = (sum, b) => [fused ? [] : get(sum), get(x), get(b), fused ? get(sum) : [], timesPlus, set(sum)];
  const rows = Array.from({ length: ROWS }, (_, r) => r);
  const timesRow = (r, step) => [get(step), number(r), MUL, ADD];

  const inner = [
    get(b), load(0), set(b0),
    get(b), load(16), set(b1),
    rows.map((r) => [
      get(a + r), splat, set(x),
      add(sums + 2 * r, b0),
      add(sums + 2 * r + 1, b1),
      advance(a + r, number(4)),
    ]),
    advance(b, number(4 * WIDE)),
  ];
  const fourRows = [
    rows.map((r) => [zero, set(sums + 2 * r), zero, set(sums + 2 * r + 1)]),
    rows.map((r) => [get(rowA), timesRow(r, stepA), set(a + r)]),
    get(B), set(b), get(K), set(k),
    repeat(k, inner),
    rows.map((r) => [
      get(rowC), timesRow(r, stepC), get(sums + 2 * r), store(0),
      get(rowC), timesRow(r, stepC), get(sums + 2 * r + 1), store(16),
    ]),
    advance(rowA, [get(stepA), number(ROWS), MUL]),
    advance(rowC, [get(stepC), number(ROWS), MUL]),
  ];
  const code = [
    get(K), number(4), MUL, set(stepA),
    get(N), number(4), MUL, set(stepC),
    get(N), number(WIDE), [0x6e], set(panels), // divided
    repeat(panels, [
      get(A), set(rowA), get(C), set(rowC), get(M), number(ROWS), [0x6e], set(row),
      repeat(row, fourRows),
      advance(B, [get(stepA), number(WIDE), MUL]),
      advance(C, number(4 * WIDE)),
    ]),
  ].flat(Infinity);
  const locals = [2, 8 + ROWS, 0x7f, 2 * ROWS + 3, 0x7b]; // i32, then v128
  const body = [...locals, ...code, 0x0b];
  return new Uint8Array([
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [1, 0x60, 6, Array(6).fill(0x7f), 0]), // the function's type: six i32, no result
    section(2, [1, 1, 0x6d, 1, 0x6d, 0x02, 0x00, 16]), // the memory "m" of "m"
    section(3, [1, 0]),
    section(7, [1, 1, 0x66, 0x00, 0]), // its name is "f"
    section(10, [1, unsigned(body.length), body]),
  ].flat(Infinity));
}

function section(id, content) {
  const bytes = content.flat(Infinity);
  return [id, unsigned(bytes.length), bytes];
}

function unsigned(n) {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)];
}

function signed(n) { // for what is not negative
  return n < 64 ? [n] : [(n & 127) | 128, ...signed(n >>> 7)];
}
