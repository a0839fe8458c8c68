// An animated GIF that goes on forever: grey in 128 steps, or colour in 6 x 7 x 6. See www.w3.org/Graphics/GIF/spec-gif89a.txt

const BITS = 8;

export function gif(frames, hundredths = 6) { // ImageData of one size
  const { width, height } = frames[0];
  const grey = frames.every(({ data }) => data.every((v, i) => i % 4 || (v === data[i + 1] && v === data[i + 2])));
  const two = (n) => [n & 255, n >> 8];
  const palette = Array.from({ length: 256 }, (_, i) =>
    grey ? [i, i, i] : [Math.floor(i / 42) % 6 * 51, Math.floor(i / 6) % 7 * 42.5, (i % 6) * 51]).flat();
  const out = [..."GIF89a"].map((c) => c.charCodeAt(0));
  out.push(...two(width), ...two(height), 0xf7, 0, 0, ...palette.map(Math.floor));
  out.push(0x21, 0xff, 11, ...[..."NETSCAPE2.0"].map((c) => c.charCodeAt(0)), 3, 1, 0, 0, 0);
  for (const { data } of frames) {
    const indices = new Uint8Array(width * height);
    for (let i = 0, p = 0; i < indices.length; i++, p += 4) {
      indices[i] = grey ? data[p] & 0xfe : Math.round(data[p] / 51) * 42 + Math.round(data[p + 1] / 42.5) * 6 + Math.round(data[p + 2] / 51);
    }
    out.push(0x21, 0xf9, 4, 0, ...two(hundredths), 0, 0, 0x2c, 0, 0, 0, 0, ...two(width), ...two(height), 0, BITS);
    const packed = lzw(indices);
    for (let i = 0; i < packed.length; i += 255) {
      const block = packed.slice(i, i + 255);
      out.push(block.length, ...block);
    }
    out.push(0);
  }
  out.push(0x3b);
  return new Blob([new Uint8Array(out)], { type: "image/gif" });
}

function lzw(indices) {
  const [clear, end] = [1 << BITS, (1 << BITS) + 1];
  const out = [];
  let [hold, held, width, next, codes] = [0, 0, BITS + 1, end + 1, new Map()];
  const write = (code) => {
    hold |= code << held;
    held += width;
    for (; held >= 8; held -= 8, hold >>>= 8) out.push(hold & 255);
  };
  write(clear);
  let prefix = indices[0];
  for (let i = 1; i < indices.length; i++) {
    const key = (prefix << 8) | indices[i];
    if (codes.has(key)) {
      prefix = codes.get(key);
      continue;
    }
    write(prefix);
    if (next === 4096) {
      write(clear);
      [width, next, codes] = [BITS + 1, end + 1, new Map()];
    } else {
      if (next === 1 << width) width++;
      codes.set(key, next++);
    }
    prefix = indices[i];
  }
  write(prefix);
  write(end);
  if (held) out.push(hold & 255);
  return out;
}
