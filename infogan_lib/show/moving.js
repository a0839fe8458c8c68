// The shell of every picture that moves: a root of its own, and controls that keys and screen readers can use.

function make(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "circle"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// A slider with a name, from 0 to `last`; `input(value)` hears of every change, `say(value)` is what it shows and says.
function slider({ name, last, value, say, input }) {
  const range = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": name });
  const output = make("output", { "aria-hidden": "true" });
  const set = (now) => {
    range.value = now;
    output.textContent = say(now);
    range.setAttribute("aria-valuetext", say(now));
    range.style.setProperty("--done", `${(100 * now) / last}%`);
    input(now);
  };
  range.addEventListener("input", () => set(Number(range.value)));
  set(value);
  return { range, output, set };
}

// Play and pause, a slider through the moments, a speed. Nothing moves until it is asked to; who wants less motion gets
// a button that goes on by one moment.
function player({ name, last, seconds, say, show }) {
  let timer = null, played = false;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const bar = slider({ name, last, value: last, say, input: show });
  const button = make("button", { type: "button" });
  const speed = make("select", { "aria-label": "speed" });
  for (const rate of [0.5, 1, 2, 4]) speed.append(make("option", { value: rate }, `${rate}×`));
  speed.value = 1;

  const label = () => {
    const ended = Number(bar.range.value) === last;
    if (still.matches) button.textContent = ended ? "From the start" : "Next";
    else button.textContent = timer ? "Pause" : ended && played ? "Play again" : "Play";
    button.dataset.sign = still.matches ? "" : timer ? "❚❚ " : "▶ "; // drawn by the style, and not read out
    speed.hidden = still.matches;
  };
  const pause = () => {
    clearTimeout(timer);
    timer = null;
    label();
  };
  const step = () => {
    bar.set(Number(bar.range.value) + 1);
    if (Number(bar.range.value) === last) pause();
    else timer = setTimeout(step, (1000 * seconds) / speed.value);
  };
  button.addEventListener("click", () => {
    if (timer) return pause();
    played = true;
    const ended = Number(bar.range.value) === last;
    if (still.matches) bar.set(ended ? 0 : Number(bar.range.value) + 1);
    else {
      if (ended) bar.set(0);
      timer = setTimeout(step, (1000 * seconds) / speed.value);
    }
    label();
  });
  bar.range.addEventListener("input", pause);
  still.addEventListener("change", pause);
  label();
  return make("div", { class: "player" }, button, bar.range, bar.output, speed);
}

function start(figure, style, show, data) {
  if (figure.shadowRoot) return;
  const root = figure.attachShadow({ mode: "open" });
  const stage = make("div", { class: "stage" });
  root.append(make("style", {}, style), stage, make("slot"));
  figure.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab would take the arrow keys
  show(stage, data);
}
