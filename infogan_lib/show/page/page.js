// The page: its parts as tabs, its models, its look, and what stands in the link. `window.infogan` is for the curious.

import { encode } from "./codes.js";
import { bytes, h, thread } from "./dom.js";
import { drawPart } from "./draw.js";
import { knobsPart } from "./knobs.js";
import { picture } from "./strokes.js";

const $ = (selector) => document.querySelector(selector);
const facts = JSON.parse($("#facts").textContent);
const PARTS = [["knobs", "Turn the knobs"], ["draw", "Draw a digit"], ["learn", "Watch it learn"]];
const { ask, latest, forgetAll } = thread($("#worker").textContent);
const models = new Map(); // name -> {name, control, spec, shape, reads, names}
const loading = new Map(); // name -> the promise of it
let current = null;
let part = "knobs";
let mounted = false;

const app = {
  ask, latest, forgetAll, encode,
  notebook: (name, text) => h("a", { href: `${facts.notebooks}/${name}.ipynb` }, text),
  painted: (what, values = null) => window.dispatchEvent(new CustomEvent("infogan-painted", { detail: { what, values } })),
  changed: () => later(writeLink),
  async copyLink(status) {
    writeLink();
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied: it carries these knobs.", false);
    } catch {
      say(`This link carries these knobs: ${location.href}`, false);
    }
    status.textContent = "Link ready.";
  },
};
const knobs = knobsPart($("#knobs"), app);
const draw = drawPart($("#draw"), app, facts.examples);

// -- models --------------------------------------------------------------------------------------

function adopt(loaded, control = null) {
  const { code, matching } = loaded.manifest.scores ?? {};
  const names = matching ? { [code]: matching.map((digit) => `a ${digit}`) } : {};
  const model = { ...loaded, control, names };
  models.set(model.name, model);
  return model;
}
function loadOnce(name) {
  if (!loading.has(name)) {
    const element = $(`[data-model="${CSS.escape(name)}"]`);
    loading.set(name, ask({ ask: "load", name, file: { data: bytes(element.textContent).buffer, gzip: true } }));
    element.textContent = "";
  }
  return loading.get(name);
}
async function choose(name, wishes = {}) {
  if (!models.has(name)) {
    const { control } = facts.models.find((model) => model.name === name);
    const [loaded] = await Promise.all([loadOnce(name), control && loadOnce(control)]);
    adopt(loaded, control);
  }
  current = models.get(name);
  $(".models select").value = name;
  document.title = `InfoGAN: turn its knobs (${name})`;
  knobs.open(current, wishes);
  draw.open(current);
}
function offer() {
  const names = [...new Set([...facts.models.filter((m) => !m.alone).map((m) => m.name), ...models.keys()])];
  $(".models select").replaceChildren(...names.map((name) => h("option", { value: name }, name)));
  $(".models").hidden = names.length < 2;
}
async function bring(file) { // a file of the reader's
  let name = file.name.replace(/\.safetensors$/i, "").slice(0, 40) || "yours";
  while (facts.models.some((m) => m.name === name) || models.has(name)) name += "'";
  try {
    if (file.size > 200e6) throw Object.assign(new Error("it is larger than 200 MB"), { foreign: true });
    const loaded = await ask({ ask: "load", name, file: { data: await file.arrayBuffer() } });
    adopt(loaded);
    offer();
    await choose(name);
    show("knobs");
    say(`${file.name} is open: ${loaded.spec.codes.length || "no"} codes, pictures of ${loaded.shape[1]} × ${loaded.shape[2]}.`, false);
  } catch (error) {
    const why = error.foreign ? error.message : "it cannot be read";
    say(`${file.name} was not opened: ${why}. Give a .safetensors file that this course saved.`);
  }
}

// -- tabs, look, messages ------------------------------------------------------------------------

function show(name, focus = false) {
  part = name;
  for (const [id] of PARTS) {
    $(`#${id}`).hidden = id !== name;
    const tab = $(`#tab-${id}`);
    tab.setAttribute("aria-selected", String(id === name));
    tab.tabIndex = id === name ? 0 : -1;
    if (focus && id === name) tab.focus();
  }
  if (name !== "knobs") knobs.stop();
  if (name === "learn" && !mounted && window.plane) {
    mounted = true;
    window.plane.mount($("#learn"), { seed: 0 });
  }
  app.changed();
}
$("[role=tablist]").append(...PARTS.filter(([id]) => id !== "learn" || window.plane).map(([id, title]) =>
  h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": id, onclick: () => show(id) }, title)));
if (!window.plane) PARTS.pop();
$("[role=tablist]").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const ids = PARTS.map(([id]) => id);
  show(ids[(ids.indexOf(part) + step + ids.length) % ids.length], true);
});

function theme(name, keep) {
  document.documentElement.dataset.theme = name;
  $(".theme").textContent = name === "dark" ? "Light" : "Dark";
  if (keep) try { localStorage.setItem("infogan-theme", name); } catch { /* a page without storage */ }
  window.dispatchEvent(new CustomEvent("infogan-theme", { detail: name }));
}
$(".theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => theme(event.matches ? "dark" : "light", false));
theme(document.documentElement.dataset.theme, false);

function say(text, wrong = true) {
  const notice = $(".notice");
  notice.classList.toggle("wrong", wrong);
  notice.replaceChildren(h("p", {}, text), h("button", { type: "button", "aria-label": "Close this message", onclick: () => (notice.hidden = true) }, "×"));
  notice.hidden = false;
}

let timer;
function later(act) {
  clearTimeout(timer);
  timer = setTimeout(act, 250);
}
function writeLink() {
  if (!current) return;
  const first = facts.models[0]?.name;
  const own = facts.models.some((m) => m.name === current.name);
  const words = [...(part === "knobs" ? [] : [["part", part]]), ...(current.name === first || !own ? [] : [["model", current.name]]), ...knobs.link()];
  const hash = `#${words.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).join("&")}`;
  try { history.replaceState(null, "", hash); } catch { /* some browsers allow only a hundred in half a minute */ }
}
const readLink = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
async function follow() {
  const wishes = readLink();
  const name = facts.models.some((m) => m.name === wishes.model && !m.alone) ? wishes.model : null;
  if (name && name !== current.name) await choose(name, wishes);
  else knobs.apply(wishes);
  if (PARTS.some(([id]) => id === wishes.part)) show(wishes.part);
}
window.addEventListener("hashchange", follow);
window.addEventListener("error", (event) => say(`Something broke: ${event.message}. Reload the page to go on.`));

// -- a model of one's own ------------------------------------------------------------------------

$(".models select").addEventListener("change", (event) => choose(event.target.value));
$(".open").addEventListener("click", () => $("input[type=file]").click());
$("input[type=file]").addEventListener("change", (event) => {
  if (event.target.files[0]) bring(event.target.files[0]);
  event.target.value = "";
});
window.addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  $(".drop").hidden = false;
});
window.addEventListener("dragleave", (event) => event.relatedTarget || ($(".drop").hidden = true));
window.addEventListener("drop", (event) => {
  event.preventDefault();
  $(".drop").hidden = true;
  if (event.dataTransfer.files[0]) bring(event.dataTransfer.files[0]);
});

// -- begin ---------------------------------------------------------------------------------------

async function begin() {
  await ask({ ask: "know", known: facts.known });
  offer();
  const wishes = readLink();
  show(PARTS.some(([id]) => id === wishes.part) ? wishes.part : "knobs");
  await choose(facts.models.find((m) => m.name === wishes.model && !m.alone)?.name ?? facts.models[0].name, wishes);
  document.documentElement.dataset.ready = "";
}
begin().catch((error) => say(`This page cannot start here: ${error.message}. A current browser is needed.`));

window.infogan = {
  models, ask, bring, draw: draw.draw, picture, knobs,
  get seen() { return draw.image; },
  get reading() { return draw.posterior; },
  // Rows of latents (noise, then codes encoded) -> images in [-1, 1]; images -> what Q says.
  generate: async (name, latents) => (await ask({ ask: "generate", latents: { [name]: Float32Array.from(latents) } })).images[name],
  read: async (name, images) => (await ask({ ask: "read", name, images: Float32Array.from(images) })).readings,
};
