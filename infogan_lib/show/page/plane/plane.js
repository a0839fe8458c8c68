// "Watch it learn": an InfoGAN on points of the plane, trained here and now. `mount` fills an element with it.
// The game learns in slices of a frame, so sliders and buttons answer meanwhile; nothing runs while it cannot be seen.

import { DISTRIBUTIONS, purity, strokes } from "./data.js";
import { h, svg } from "./dom.js";
import { Game } from "./game.js";
import { Random } from "./nets.js";
import { pen } from "./pen.js";
import { readings } from "./readings.js";
import { NAMES, scene, symbol } from "./scene.js";
import { setup } from "./setup.js";
import { lambdaWords, LINES, roundWords, stepG as stepWords, storyWords } from "./words.js";

const SLICE = 10; // ms of a frame in which the game learns
const SHOWN = 400, COUNTED = 1000; // fakes on the canvas, and fakes that the numbers are counted on
const SLOW = 900; // ms between two steps in slow motion
const PROBE = 0xfa4e; // seed of the latents that are shown: always the same ones, whatever the game's seed

const link = (name, text) => h("a", { href: `notebooks/${name}.ipynb` }, text);

export function mount(element, { seed = 0, notebook = link } = {}) {
  const set = { data: "ring", states: 8, view: "point", seed, lambda: 0, trails: false };
  const canvas = h("canvas", { class: "plane-canvas", role: "img" });
  const plane = scene(canvas);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let game, probe, trails, real, last, numbers, pulls, running = false, slow = false, told = "", clock = {};
  let lines = []; // the reader's strokes

  // -- the game ----------------------------------------------------------------------------------

  const ready = () => set.data !== "drawn" || lines.length > 0;
  function restart() {
    const distribution = set.data === "drawn" ? strokes(lines) : DISTRIBUTIONS[set.data];
    game = new Game({ seed: set.seed, distribution, states: set.states, view: set.view });
    const random = new Random(PROBE);
    probe = game.latent(COUNTED, random);
    real = ready() ? game.real(500, random) : [];
    trails = trailLatents(random);
    last = { d: 0, g: 0, nats: null };
    pulls = null;
    card.history.clear();
    told = ready() ? LINES.begin : LINES.draw;
    show();
  }
  function trailLatents(random) { // the same noise along c1 from -1 to 1, twice for each state
    return Array.from({ length: 2 * set.states }, (_, i) => {
      const path = game.latent(13, random);
      for (let j = 0; j < 13; j++) {
        path.input.copyWithin(j * game.inputs, 0, game.noise);
        game.set(path, j, i % set.states, j / 6 - 1);
      }
      return path;
    });
  }
  function stepD() {
    last.d = game.dStep().loss;
  }
  function stepG() {
    const { loss, nats } = game.gStep(set.lambda);
    Object.assign(last, { g: loss, nats });
    card.history.add(game.stepsG, [nats.state, nats.amount, last.d, loss]);
  }
  function count() {
    const points = game.fakes(probe).slice();
    numbers = game.distribution.parts.map((part) => ({ ...part, ...purity(part, points, probe.state, COUNTED, set.states) }));
  }
  function arrows() { // what D and Q would have of each fake
    const some = { ...probe, n: SHOWN };
    const fakes = game.fakes(some).slice();
    pulls = { D: game.push(fakes, some, 0, 1, 0).dx.slice(), Q: set.lambda ? game.push(fakes, some, set.lambda, 0, 0).dx.slice() : null };
  }
  function single(which) { // one step, by hand or in slow motion
    if (which === "D") stepD();
    else {
      stepG();
      arrows();
    }
    if (which === "D") pulls = null;
    told = which === "D" ? LINES.stepD : stepWords(set.lambda);
    show();
  }

  // -- what is seen ------------------------------------------------------------------------------

  function paint() {
    const some = { ...probe, n: SHOWN };
    plane.draw({
      real,
      fakes: ready() && { points: game.fakes(some), state: probe.state, n: SHOWN },
      trails: set.trails && ready() ? trails.map((path) => ({ state: path.state[0], points: game.fakes(path).slice() })) : [],
      pulls,
      lines: set.data === "drawn" && !running ? lines : [],
      pen: drawing.cursor(),
    });
  }
  function judge() {
    if (ready()) plane.judge(game);
    else plane.blank();
  }
  function tell() {
    numbers = null;
    if (ready()) count();
    card.draw(numbers, game.stepsG > 0);
    rounds.textContent = ready() ? roundWords(game, numbers, clock.rate) : "";
    if (running && !slow) told = storyWords(set.lambda, game.stepsG, set.states, numbers.reduce((a, b) => (b.pure > a.pure ? b : a)));
    words.textContent = told;
    canvas.setAttribute("aria-label", `The plane. ${rounds.textContent}`);
  }
  function show() {
    judge();
    paint();
    tell();
    if (!running) said.textContent = `${told} ${rounds.textContent}`;
  }

  // -- the clock ---------------------------------------------------------------------------------

  function frame(now) {
    if (!running || !element.isConnected) return;
    requestAnimationFrame(frame);
    if (!canvas.getClientRects().length) return void (clock.since = null);
    if (slow) {
      if (now - (clock.step ?? -SLOW) < SLOW) return;
      clock.step = now;
      single(game.stepsD > game.stepsG ? "G" : "D");
      return;
    }
    const start = performance.now();
    do {
      if (game.stepsD <= game.stepsG) stepD();
      stepG();
    } while (performance.now() - start < SLICE);
    clock.since ??= { now: start, rounds: game.stepsG };
    if (calm.matches && now - (clock.painted ?? 0) < 1000) return;
    clock.painted = now;
    paint();
    if (now - (clock.read ?? 0) < 200) return;
    clock.read = now;
    clock.rate = (game.stepsG - clock.since.rounds) / Math.max((performance.now() - clock.since.now) / 1000, 0.1);
    judge();
    tell();
  }
  function run(on) {
    running = on && ready();
    pulls = null;
    if (!running && game.stepsG > 0) told = "";
    clock = {};
    train.textContent = running ? "Pause" : "Train";
    train.setAttribute("aria-pressed", String(running));
    if (running) requestAnimationFrame(frame);
    show();
  }
  const afresh = (changed) => {
    Object.assign(set, changed);
    restart();
    made.sync();
    legend();
    drawing.on(set.data === "drawn");
    if (!ready()) run(false);
  };

  // -- controls ----------------------------------------------------------------------------------

  const card = readings(() => set.states, notebook);
  const made = setup(set, (data) => (data === "drawn" ? strokes(lines) : DISTRIBUTIONS[data]).states, (changed) => afresh(changed));
  const button = (label, title, act, more = {}) => h("button", { type: "button", title, onclick: act, ...more }, label);
  const byHand = (which) => () => {
    if (!ready()) return;
    run(false);
    single(which);
  };
  const train = button("Train", "D and G take their steps in turn", () => run(!running), { class: "plane-main", "aria-pressed": "false" });
  const slowly = h("input", { type: "checkbox", onchange: () => {
    slow = slowly.checked;
    run(running);
  } });
  const withTrails = h("input", { type: "checkbox", onchange: () => {
    set.trails = withTrails.checked;
    paint();
  } });
  const lambda = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0, "aria-valuetext": "0: a plain GAN", oninput: () => {
    set.lambda = Number(lambda.value);
    lambdaOut.textContent = set.lambda.toFixed(2);
    lambdaHint.textContent = lambdaWords(set.lambda);
    lambda.setAttribute("aria-valuetext", set.lambda ? set.lambda.toFixed(2) : "0: a plain GAN");
  } });
  const lambdaOut = h("output", {}, "0.00");
  const lambdaHint = h("p", { class: "plane-hint" }, lambdaWords(0));
  const drawing = pen(canvas, plane.at, {
    lines: () => lines,
    changed(next, done) {
      lines = next;
      if (done) afresh({ states: strokes(lines).states });
      else paint();
    },
  });

  const rounds = h("p", { class: "plane-rounds" });
  const words = h("p", { class: "plane-now" });
  const said = h("p", { class: "plane-said", "aria-live": "polite" });
  const key = h("div", { class: "plane-key" });
  function legend() {
    key.replaceChildren(
      h("span", {}, svg("svg", { viewBox: "0 0 16 16" }, svg("circle", { cx: 8, cy: 8, r: 3.4, class: "real" })), "real"),
      h("span", { class: "states" }, Array.from({ length: set.states }, (_, k) => svg("svg", { viewBox: "0 0 16 16", role: "img", "aria-label": `state ${k}: ${NAMES[k]}` }, symbol(k))), "fakes, by their state"),
      h("span", { class: "tint" }, "D says fake", h("i"), "real"));
  }

  element.classList.add("plane");
  element.replaceChildren(
    made.element,
    h("section", { class: "plane-card plane-stage" },
      h("div", { class: "plane-lambda" }, h("label", {}, h("b", {}, "λ"), lambda, lambdaOut), lambdaHint),
      h("div", { class: "plane-row plane-buttons" }, train, button("Step D", "D and Q learn from one batch; G stands still", byHand("D")),
        button("Step G", "G learns from one batch; D and Q stand still", byHand("G")), button("Reset", "the same game from its start", () => {
          run(false);
          restart();
        }), h("label", {}, slowly, "slow motion"), h("label", { title: "each line: one noise, c1 from -1 to 1" }, withTrails, "trails of c1")),
      canvas, drawing.buttons, key, words, rounds, said),
    card.element);

  const restyle = () => {
    plane.restyle();
    if (game) show();
  };
  new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  plane.restyle();
  afresh({});
  // For tests and for the curious: the game itself, its numbers, and so many rounds at once.
  element.plane = {
    get game() { return game; },
    get numbers() { return numbers; },
    get nats() { return last.nats; },
    get running() { return running; },
    set: afresh,
    play(n) {
      for (let i = 0; i < n; i++) {
        stepD();
        stepG();
      }
      told = "";
      show();
    },
  };
  return element.plane;
}
