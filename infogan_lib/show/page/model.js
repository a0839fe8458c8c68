// A model of the course, ready to generate and to read: G, and Q with the statistics and the blur of each view.

import { checkSpec, encode, posterior, qWidth, width } from "./codes.js";
import { engine } from "./kernel.js";
import { Misfit, network } from "./network.js";
import { Foreign, read as readFile } from "./safetensors.js";

const FORMAT = "infogan-weights-1";

// `known` says of each network of the library its layers, and of each view how far it blurs: see `page.py`.
export function load(buffer, known) {
  const { tensors, manifest } = readFile(buffer);
  if (manifest.format !== FORMAT) {
    throw new Foreign("cursor" in manifest ? "it is a training checkpoint; save its weights with weights.save" : "it holds no model of this course");
  }
  const plan = Object.hasOwn(known.networks, manifest.network) ? known.networks[manifest.network] : null;
  if (!plan) throw new Foreign(`its network, ${String(manifest.network).slice(0, 40)}, is none that this page knows`);
  const spec = checkSpec(upgraded(manifest));
  const views = [...new Set(spec.codes.map((code) => code.view ?? "plain"))];
  const unknown = views.find((view) => !Object.hasOwn(known.views, view));
  if (unknown) throw new Foreign(`its view, ${unknown.slice(0, 40)}, is none that this page knows`);
  try {
    return build(plan, spec, views, tensors, manifest, known);
  } catch (error) {
    if (error instanceof Misfit) throw new Foreign(`it does not fit its own description: ${error.message}`);
    throw error;
  }
}

function upgraded({ spec, recipe }) { // older files name one view for all codes, in the recipe
  const view = recipe?.copies;
  return view && Array.isArray(spec?.codes) ? { ...spec, codes: spec.codes.map((code) => ({ ...code, view })) } : spec;
}

function build(plan, spec, views, tensors, manifest, known) {
  const blurred = views.filter((view) => known.views[view] > 0);
  const shape = plan.image;
  const generator = network(engine(), plan.generator, tensors, [width(spec)]);
  if (String(generator.shape) !== String(shape)) throw new Misfit(`its images have the shape ${generator.shape}, not ${shape}`);
  const own = manifest.q_on === "separate";
  const layers = own ? plan.q.map((layer) => ({ ...layer, key: layer.key?.replace(/^trunk/, "q_trunk") })) : plan.q;
  const reader = spec.codes.length && "q_head.0.weight" in tensors ? network(engine(), layers, tensors, shape, blurred) : null;
  if (reader && reader.size !== qWidth(spec)) throw new Misfit(`Q says ${reader.size} numbers, not ${qWidth(spec)}`);
  const pixels = shape[0] * shape[1] * shape[2];

  return {
    spec, shape, reads: reader !== null, manifest,
    // Latents (rows of `encode`) -> images, in [-1, 1], channels last.
    generate: (latents) => generator.run(latents, latents.length / width(spec)),
    // Images -> a list of {code: what Q says}.
    read(images) {
      const n = images.length / pixels;
      const seen = new Float32Array(n * views.length * pixels); // of each image, what each view shows of it
      views.forEach((view, v) => {
        const shown = known.views[view] ? blur(images, shape, known.views[view]) : images;
        for (let i = 0; i < n; i++) seen.set(shown.subarray(i * pixels, (i + 1) * pixels), (i * views.length + v) * pixels);
      });
      const raw = reader.run(seen, n * views.length, views);
      const found = Array.from({ length: n }, () => ({}));
      for (let i = 0; i < n * views.length; i++) {
        const q = posterior(spec, [...raw.subarray(i * reader.size, (i + 1) * reader.size)]);
        for (const { name, view = "plain" } of spec.codes) if (view === views[i % views.length]) found[Math.floor(i / views.length)][name] = q[name];
      }
      return found;
    },
    encode: (noise, values) => encode(spec, noise, values),
  };
}

// A Gaussian blur cut at two deviations; black beyond the edges: `data.strokes.blur`.
function blur(images, [channels, height, width], deviation) {
  const reach = Math.floor(2 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-(((i - reach) / deviation) ** 2) / 2));
  const total = weights.reduce((a, b) => a + b);
  const along = (from, length, step, into, start) => {
    for (let i = 0; i < length; i++) {
      let v = 0;
      for (let j = Math.max(0, i - reach); j <= Math.min(length - 1, i + reach); j++) v += weights[j - i + reach] * from[start + j * step];
      into[start + i * step] = v / total;
    }
  };
  const light = images.map((v) => v + 1);
  const half = new Float32Array(images.length);
  const area = channels * height * width;
  for (let first = 0; first < images.length; first += area) {
    for (let y = 0; y < height; y++) for (let c = 0; c < channels; c++) along(light, width, channels, half, first + y * width * channels + c);
    for (let x = 0; x < width * channels; x++) along(half, height, width * channels, light, first + x);
  }
  return light.map((v) => v - 1);
}
