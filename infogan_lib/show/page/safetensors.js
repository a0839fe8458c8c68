// A .safetensors file of the course: {tensors: {name: {shape, data: Float32Array}}, manifest}. Weights may also be
// int8 with one scale an output channel, as in a page: the tensor NAME.scale holds them.

export class Foreign extends Error {}

const BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I8: 1 };

export function read(buffer) {
  const header = headerOf(buffer);
  let manifest;
  try {
    manifest = JSON.parse(header.__metadata__.manifest);
  } catch {
    throw new Foreign("it is a safetensors file, but not one of this course: it carries no manifest");
  }
  delete header.__metadata__;
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: place }] of Object.entries(header)) {
    const count = Array.isArray(shape) ? shape.reduce((a, b) => a * b, 1) : NaN;
    const [first, last] = place ?? [];
    if (!(dtype in BYTES) || last - first !== count * BYTES[dtype] || !(start + last <= buffer.byteLength)) {
      throw new Foreign(`it is damaged or cut short: the tensor ${name.slice(0, 40)} does not fit into it`);
    }
    if (dtype === "I64") continue; // counts of batches, which nothing here needs
    tensors[name] = { shape, data: numbers(dtype, buffer.slice(start + first, start + last)) };
  }
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) throw new Foreign(`the tensor ${name.slice(0, 40)} holds values that are not finite`);
    if (tensors[`${name}.scale`]) rescale(tensors, name);
  }
  return { tensors, manifest };
}

function headerOf(buffer) {
  try {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    if (length > buffer.byteLength - 8) throw new Error();
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(buffer.slice(8, 8 + length)));
    if (typeof header !== "object" || header === null) throw new Error();
    return header;
  } catch {
    throw new Foreign("it is no .safetensors file, or it is cut short");
  }
}

function numbers(dtype, bytes) {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F64") return Float32Array.from(new Float64Array(bytes));
  if (dtype === "I8") return Float32Array.from(new Int8Array(bytes));
  const halves = new Uint16Array(bytes);
  if (dtype === "BF16") return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer);
  return Float32Array.from(halves, half);
}

function half(h) {
  const [exponent, fraction] = [(h >> 10) & 31, h & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? Infinity : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return h & 0x8000 ? -size : size;
}

function rescale(tensors, name) { // the scale has the weight's dimensions, and 1 in all but that of the output channel
  const { shape, data } = tensors[name];
  const { shape: by, data: scale } = tensors[`${name}.scale`];
  const inner = shape.slice(by[0] === 1 ? 2 : 1).reduce((a, b) => a * b, 1);
  for (let i = 0; i < data.length; i++) data[i] *= scale[Math.floor(i / inner) % scale.length];
}
