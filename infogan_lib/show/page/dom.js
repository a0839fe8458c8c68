// Small things that every part uses: elements, pictures on canvases, and the other thread.

// h("button", { class: "x", onclick: f, "aria-pressed": true }, ...children)
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function bytes(base64) {
  const text = atob(base64.trim());
  const result = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) result[i] = text.charCodeAt(i);
  return result;
}

// Image `index` of images in [-1, 1], channels last, as the browser's pixels.
export function pixels(images, index, [channels, height, width]) {
  const data = new ImageData(width, height);
  const area = width * height;
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < 3; c++) {
      data.data[4 * p + c] = Math.round(127.5 * (images[(index * area + p) * channels + (channels === 1 ? 0 : c)] + 1));
    }
    data.data[4 * p + 3] = 255;
  }
  return data;
}

export function paint(canvas, images, shape, index = 0) {
  const [, height, width] = shape;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(pixels(images, index, shape), 0, 0);
}

export const GAP = 1;
export function paintSheet(canvas, images, shape, columns) { // row by row, with gaps
  const [channels, height, width] = shape;
  const count = images.length / (channels * height * width);
  const rows = Math.ceil(count / columns);
  const size = { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP };
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
  const context = canvas.getContext("2d");
  for (let i = 0; i < count; i++) {
    context.putImageData(pixels(images, i, shape), (i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP));
  }
}

export function download(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The thread of `worker.js`. `ask` sends a question and waits. `latest` sends, for each channel, only the newest
// question that waits, one at a time, and the channels in the order of their rank: a slider makes no backlog.
export function thread(source) {
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, answer, error, foreign } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(Object.assign(new Error(error), { foreign }));
  };
  const ask = (question) =>
    new Promise((resolve, reject) => {
      waiting.set(++count, { resolve, reject });
      worker.postMessage({ ...question, id: count });
    });

  const next = new Map(); // channel -> {rank, question, then}
  let busy = false;
  async function go() {
    if (busy) return;
    busy = true;
    while (next.size) {
      const [channel, { question, then }] = [...next].sort((a, b) => a[1].rank - b[1].rank)[0];
      next.delete(channel);
      const asked = typeof question === "function" ? question() : question;
      try {
        then(await ask(asked), asked);
      } catch (error) {
        setTimeout(() => { throw error; }); // the page says so, and the next question is asked
      }
    }
    busy = false;
  }
  const latest = (channel, rank, question, then) => {
    next.set(channel, { rank, question, then });
    go();
  };
  const forgetAll = () => next.clear();
  return { ask, latest, forgetAll };
}
