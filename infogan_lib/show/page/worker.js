// The other thread: it holds the models and answers one question at a time.

import { load } from "./model.js";
import { Foreign } from "./safetensors.js";

const models = {};
let known = null;

async function unpacked({ data, gzip }) {
  if (!gzip) return data;
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const answers = {
  know: (message) => void (known = message.known),
  async load({ name, file }) {
    const model = load(await unpacked(file), known);
    models[name] = model;
    return { name, spec: model.spec, shape: model.shape, reads: model.reads, manifest: model.manifest };
  },
  forget: ({ name }) => void delete models[name],
  // {name: latents} -> {name: images}, and what the first of `read` says of its images.
  generate({ latents, read }) {
    const images = {};
    for (const [name, rows] of Object.entries(latents)) images[name] = models[name].generate(rows);
    return { images, readings: read ? models[read].read(images[read]) : null };
  },
  read: ({ name, images }) => ({ readings: models[name].read(images) }),
};

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ id: data.id, answer: await answers[data.ask](data) });
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message, foreign: error instanceof Foreign });
  }
};
