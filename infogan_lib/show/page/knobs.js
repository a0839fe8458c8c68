// Part 1: the knobs over a model and its control, with Q reading along.

import { knobs as knobsOf, noise, points } from "./codes.js";
import { download, h, paint, pixels } from "./dom.js";
import { gif } from "./gif.js";
import { reader } from "./reading.js";
import { choice, slider } from "./slider.js";
import { LAYOUTS, plan, sheet } from "./sweep.js";

const FRAMES = 40; // of an animation
const TO_AND_FRO = 5000; // milliseconds
const EACH = 700; // milliseconds for each state of a code

export function knobsPart(root, app) {
  let model = null; // {name, control, spec, shape, reads, names}
  let turned = []; // its knobs
  let controls = {};
  let playing = null;
  let reading = null;
  let pair = [];
  let sheets = [];
  let state = { values: {}, seed: 0, layout: "row", across: null, down: null };

  const status = h("p", { class: "said", role: "status" });

  // -- what is asked of the worker ---------------------------------------------------------------

  const noises = new Map();
  function noiseOf(seed) {
    if (!noises.has(seed)) noises.set(seed, noise(model.spec, seed));
    return noises.get(seed);
  }
  const latent = (values, seed = state.seed) => {
    const z = [...noiseOf(seed)];
    for (const knob of turned) if (knob.index !== undefined) z[knob.index] = values[knob.name];
    return app.encode(model.spec, z, values);
  };
  const ask = (rows, read = false) => {
    const latents = { [model.name]: Float32Array.from(rows.flat()) };
    if (model.control) latents[model.control] = latents[model.name];
    return { ask: "generate", latents, read: read && model.reads ? model.name : null };
  };
  const both = () => [model.name, model.control].filter(Boolean);

  function showOne() {
    const asked = model;
    app.latest("one", 0, () => ({ ...ask([latent(state.values)], true), values: { ...state.values } }), ({ images, readings }, { values }) => {
      if (asked !== model) return;
      both().forEach((name, i) => paint(pair[i], images[name], model.shape));
      if (readings) reading.show(readings[0], values);
      app.painted("one", values);
    });
  }
  function showSheet() {
    const asked = model;
    const [across, down] = [state.across, state.down].map((name) => turned.find((knob) => knob.name === name));
    let shown;
    const question = (name) => () => {
      shown = plan(state.layout, state.values, across, down);
      const rows = shown.cells.map(({ values, row }) => latent(values, state.seed + row));
      return { ask: "generate", latents: { [name]: Float32Array.from(rows.flat()) }, read: null };
    };
    both().forEach((name, i) =>
      app.latest(`sheet ${i}`, 2 + i, question(name), ({ images }) => {
        if (asked !== model) return;
        sheets[i].show(images[name], model.shape, shown, across, down);
        app.painted(`sheet ${i}`);
      }));
  }
  function showThumbs() { // the states of each code, the ends of each slider
    const asked = model;
    const values = state.values;
    const wanted = turned.flatMap((knob) => {
      const canvases = knob.discrete ? controls[knob.name].canvases : controls[knob.name].ends;
      return (knob.discrete ? knob.states : knob.ends).map((value, i) => ({ canvas: canvases[i], values: { ...values, [knob.name]: value } }));
    });
    const few = wanted.slice(0, 60);
    app.latest("thumbs", 4, () => ({ ask: "generate", latents: { [model.name]: Float32Array.from(few.flatMap((one) => latent(one.values))) } }), ({ images }) => {
      if (asked === model) few.forEach(({ canvas }, i) => paint(canvas, images[model.name], model.shape, i));
    });
  }
  function show(resting = true) {
    showOne();
    if (resting || state.layout === "row") showSheet();
    if (!resting) return;
    showThumbs();
    app.changed();
  }

  // -- turning -----------------------------------------------------------------------------------

  function set(name, value, resting = true) {
    state.values = { ...state.values, [name]: value };
    controls[name].set(value);
    show(resting);
  }
  function byHand(name) {
    return (value, resting) => {
      stop();
      set(name, value, resting);
    };
  }
  function stop() {
    if (!playing) return;
    cancelAnimationFrame(playing.frame);
    playing.button.setAttribute("aria-pressed", "false");
    playing.button.textContent = "▶";
    playing = null;
    show();
  }
  function play(knob) {
    const again = playing?.knob === knob;
    stop();
    if (again) return;
    const button = controls[knob.name].play;
    button.setAttribute("aria-pressed", "true");
    button.textContent = "❚❚";
    const begun = performance.now() - TO_AND_FRO * shareOf(knob, state.values[knob.name]);
    playing = { knob, button, frame: 0 };
    const step = () => {
      if (!playing) return;
      const value = along(knob, performance.now() - begun);
      if (value !== state.values[knob.name]) set(knob.name, value, false);
      playing.frame = requestAnimationFrame(step);
    };
    step();
  }

  // -- keeping -----------------------------------------------------------------------------------

  const fileName = (ending) => `${[model.name, ...turned.map((k) => `${k.name}=${Number(state.values[k.name].toFixed(2))}`)].join(" ")}.${ending}`;
  function savePicture() { // the pair above the sheets, as they are shown
    const scale = 4;
    const all = [pair, sheets.map((s) => s.canvas)].map((list) => list.filter((c) => c.width));
    const width = Math.max(...all.map((row) => row.reduce((sum, c) => sum + c.width + 4, -4)));
    const height = all.reduce((sum, row) => sum + Math.max(...row.map((c) => c.height)) + 4, -4);
    const canvas = h("canvas", { width: width * scale, height: height * scale });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    let y = 0;
    for (const row of all) {
      let x = 0;
      for (const c of row) {
        context.drawImage(c, x * scale, y * scale, c.width * scale, c.height * scale);
        x += c.width + 4;
      }
      y += Math.max(...row.map((c) => c.height)) + 4;
    }
    canvas.toBlob((blob) => download(fileName("png"), blob));
    status.textContent = "Picture saved.";
  }
  async function saveAnimation() {
    const knob = playing?.knob ?? turned.find((k) => k.name === state.across);
    const list = knob.discrete ? knob.states : Array.from({ length: FRAMES }, (_, i) => along(knob, (i / FRAMES) * TO_AND_FRO));
    const rows = list.map((value) => latent({ ...state.values, [knob.name]: value }));
    const { images } = await app.ask(ask(rows));
    const [, height, width] = model.shape;
    const scale = Math.max(1, Math.floor(196 / width));
    const canvas = h("canvas", { width: both().length * (width * scale + 8) - 8, height: height * scale });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    const one = h("canvas", { width, height });
    const frames = list.map((_, i) => {
      both().forEach((name, j) => {
        one.getContext("2d").putImageData(pixels(images[name], i, model.shape), 0, 0);
        context.drawImage(one, j * (width * scale + 8), 0, width * scale, height * scale);
      });
      return context.getImageData(0, 0, canvas.width, canvas.height);
    });
    download(fileName("gif"), gif(frames, knob.discrete ? EACH / 10 : TO_AND_FRO / FRAMES / 10));
    status.textContent = "Animation saved.";
  }

  // -- the page ----------------------------------------------------------------------------------

  function open(next, wishes = {}) {
    stop();
    app.forgetAll();
    noises.clear();
    model = next;
    turned = knobsOf(model.spec);
    const wide = turned.filter((k) => !k.discrete);
    state = {
      values: Object.fromEntries(turned.map((k) => [k.name, k.rest])), seed: 1, layout: state.layout,
      across: (wide[0] ?? turned[0])?.name, down: (wide[1] ?? turned.find((k) => k !== (wide[0] ?? turned[0])))?.name,
    };
    controls = Object.fromEntries(turned.map((knob) => {
      const hand = byHand(knob.name);
      const playIt = () => play(knob);
      return [knob.name, knob.discrete ? choice(knob, model.names[knob.name] ?? [], hand, playIt) : slider(knob, hand, playIt)];
    }));
    reading = model.reads ? reader(model.spec, model.names) : null;
    pair = both().map((name, i) => h("canvas", { class: "large", role: "img", "aria-label": i ? "The control's picture at the same knobs" : "The picture that the generator makes of the knobs" }));
    const captions = model.control ? ["InfoGAN", "Control (λ = 0)"] : [model.spec.codes.length ? "InfoGAN" : "A plain GAN"];
    sheets = captions.map((caption) => sheet(caption, ({ values, row }) => {
      stop();
      state.seed += row;
      for (const [name, value] of Object.entries(values)) { state.values[name] = value; controls[name].set(value); }
      show();
    }));
    build(captions);
    apply(wishes);
  }

  function build(captions) {
    const states = turned.filter((k) => k.discrete);
    const amounts = turned.filter((k) => !k.discrete);
    const codes = model.spec.codes.length > 0;
    const pick = (role, name) => {
      const select = h("select", { "aria-label": role, onchange: () => { state[name] = select.value; arrange(); showSheet(); app.changed(); } },
        turned.map((k) => h("option", { value: k.name, selected: k.name === state[name] }, k.name)));
      return select;
    };
    const [across, down] = [pick("Code that goes across", "across"), pick("Code that goes down", "down")];
    const downLabel = h("label", {}, "down ", down);
    const layouts = LAYOUTS.filter((name) => name !== "grid" || turned.length > 1).map((name) =>
      h("button", { type: "button", "aria-pressed": "false", "data-layout": name, onclick: () => { state.layout = name; arrange(); showSheet(); app.changed(); } }, name));
    const arrange = () => {
      if (state.layout === "grid" && state.across === state.down) state.down = turned.find((k) => k.name !== state.across).name;
      layouts.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.layout === state.layout)));
      [across.value, down.value] = [state.across, state.down];
      downLabel.hidden = state.layout !== "grid";
      root.dataset.layout = state.layout;
    };
    const sheetBox = h("div", { class: "sheets" }, sheets.map((s) => s.element));
    root.replaceChildren(
      h("div", { class: "controls card" },
        h("h2", {}, "Turn the knobs", h("span", { class: "flow" }, codes ? "noise + codes → G → picture" : "noise → G → picture")),
        states.map((k, i) => [controls[k.name].element,
          i ? null : h("p", { class: "hint" }, `A code is an input that the picture has to give away. Training found these ${k.states.length} states without a label.`)]),
        amounts.length ? h("h3", {}, codes ? "Codes that are amounts" : "Noise, one number each") : null,
        amounts.map((k) => controls[k.name].element),
        amounts.length ? h("p", { class: "hint" }, "Green: what training drew from. Beyond it, the generator carries on alone.") : null,
        h("div", { class: "row buttons" },
          h("button", { type: "button", class: "main noise", onclick: () => { stop(); state.seed = 1 + Math.floor(Math.random() * 99999); show(); } }, "New noise"),
          h("button", { type: "button", class: "reset", onclick: () => { stop(); apply({ noise: state.seed }); } }, "Knobs to the middle")),
        h("p", { class: "hint" }, codes ? `Noise: the other ${model.spec.noise.size} inputs. Nobody asks for them back, so they change the hand and not the code.` : "This model has no codes: its noise is all there is to turn."),
        h("div", { class: "row buttons" },
          h("button", { type: "button", onclick: savePicture }, "Save picture"),
          h("button", { type: "button", onclick: saveAnimation }, "Save GIF"),
          h("button", { type: "button", onclick: () => app.copyLink(status) }, "Copy link")),
        status),
      h("div", { class: "pair", "data-count": captions.length }, captions.map((caption, i) =>
        h("figure", {}, pair[i], h("figcaption", {}, h("b", {}, caption),
          model.control ? h("span", {}, i ? "The same training, but nothing rewards a picture that shows its codes." : "Its codes show in the picture: Q can read them.") : null)))),
      h("div", { class: "sweep card" },
        h("div", { class: "row" }, h("h3", {}, "From end to end"), h("div", { class: "switch", role: "group", "aria-label": "Layout" }, layouts), h("label", {}, "across ", across), downLabel),
        sheetBox),
      h("div", { class: "q card" },
        h("h3", {}, reading ? "What Q reads" : "No Q here", reading ? h("span", { class: "flow" }, "picture → Q → codes") : null),
        h("p", { class: "hint" }, reading ? "Q sees the picture alone, and says which codes made it. ▼ is what you set." : "A plain GAN has nobody who reads its inputs back."),
        reading?.element,
        model.control && amounts.length ? h("details", { class: "try", open: turned.length < 4 }, h("summary", {}, "Try this"), h("ol", {},
          h("li", {}, "New noise, again: what stays?"),
          h("li", {}, `▶ beside ${amounts[0].name}: watch the control.`),
          h("li", {}, "“rows”: five noises at once."),
          h("li", {}, "Past the green: is Q fooled?"))) : null,
        h("p", { class: "more" }, "Learn more: ", app.notebook("00_start_here", "what a code is"), ", ", app.notebook("07_infogan", "InfoGAN and its control"), ", ", app.notebook("08_latent_sliders", "the sliders"), ".")));
    arrange();
  }

  // Knobs from a link, as {name: text or number}; what is not among them goes to the middle.
  function apply(wishes) {
    for (const knob of turned) {
      let value = wishes[knob.name] === undefined ? NaN : Number(wishes[knob.name]);
      if (knob.discrete && !knob.states.includes(value)) value = NaN;
      if (Number.isNaN(value)) value = knob.rest;
      if (!knob.discrete) value = Math.min(Math.max(value, knob.ends[0]), knob.ends[1]);
      state.values[knob.name] = value;
      controls[knob.name].set(value);
    }
    const seed = Number(wishes.noise);
    if (Number.isInteger(seed) && seed > 0) state.seed = seed;
    const button = LAYOUTS.includes(wishes.layout) && root.querySelector(`[data-layout=${wishes.layout}]`);
    if (button && state.layout !== wishes.layout) button.click();
    show();
  }

  return {
    open, apply, stop,
    noise: () => noiseOf(state.seed),
    get state() { return state; },
    link() {
      const parts = turned.map((k) => [k.name, String(Number(state.values[k.name].toFixed(2)))]);
      return [...parts, ["noise", String(state.seed)], ...(state.layout === "row" ? [] : [["layout", state.layout]])];
    },
  };
}

function along(knob, elapsed) { // where a knob that plays is after so many milliseconds
  if (knob.discrete) return knob.states[Math.floor(elapsed / EACH) % knob.states.length];
  const [low, high] = knob.ends;
  const share = (elapsed / TO_AND_FRO) % 1;
  if (knob.circular) return low + (high - low) * share;
  return low + (high - low) * (1 - Math.cos(2 * Math.PI * share)) / 2;
}

function shareOf(knob, value) { // the part of a round after which it is there
  if (knob.discrete) return (knob.states.indexOf(value) * EACH) / TO_AND_FRO;
  const share = (value - knob.ends[0]) / (knob.ends[1] - knob.ends[0]);
  return knob.circular ? share : Math.acos(1 - 2 * Math.min(Math.max(share, 0), 1)) / (2 * Math.PI);
}
