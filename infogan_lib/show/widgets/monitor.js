// Curves as SVG, from numbers that Python has thinned: a few hundred points, redrawn a few times a second.

const H = 190, LEFT = 40, PLOT = 220, TOP = 8, BOTTOM = 24; // pixels
const LABELS = 150, EDGE = 20; // what stands right of the plot: the labels of lines, or nothing
const NS = "http://www.w3.org/2000/svg";

function svg(name, attributes, text = "") {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function html(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function ticks(low, high, n) {
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

function draw(panel, id) {
  const [low, high] = panel.range;
  const right = LEFT + PLOT;
  const W = right + (panel.lines.length ? LABELS : EDGE);
  const end = Math.max(1, ...panel.curves.flatMap((c) => c.x));
  const x = (v) => LEFT + (v / end) * PLOT;
  const y = (v) => TOP + ((high - v) / (high - low)) * (H - TOP - BOTTOM);
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": panel.alt });
  const clip = svg("clipPath", { id });
  clip.append(svg("rect", { x: LEFT, y: TOP - 2, width: PLOT, height: H - TOP - BOTTOM + 4 }));
  picture.append(clip);
  for (const v of ticks(low, high, 4)) {
    picture.append(svg("line", { class: "tick", x1: LEFT, x2: right, y1: y(v), y2: y(v) }));
    picture.append(svg("text", { x: LEFT - 5, y: y(v) + 4, "text-anchor": "end" }, v));
  }
  for (const v of ticks(0, end, 4)) picture.append(svg("text", { x: x(v), y: H - 8, "text-anchor": "middle" }, v));
  let free = -Infinity; // labels of lines keep clear of each other, from the top down
  for (const line of [...panel.lines].sort((a, b) => b.y - a.y)) {
    picture.append(svg("line", { class: "mark", x1: LEFT, x2: right, y1: y(line.y), y2: y(line.y) }));
    free = Math.max(y(line.y) + 4, free + 12);
    picture.append(svg("text", { x: right + 4, y: free }, line.label));
  }
  panel.curves.forEach((curve, i) => {
    let pen = "M";
    let path = "";
    curve.x.forEach((v, j) => {
      if (curve.y[j] === null) pen = "M";
      else {
        path += `${pen}${x(v).toFixed(1)} ${y(curve.y[j]).toFixed(1)}`;
        pen = "L";
      }
    });
    picture.append(svg("path", { class: `curve c${i % 4}`, d: path, "clip-path": `url(#${id})` }));
  });
  return picture;
}

function legend(panel) {
  const row = html("div", "legend");
  row.setAttribute("aria-hidden", "true"); // the picture's alt text says the same
  panel.curves.forEach((curve, i) => {
    const swatch = svg("svg", { width: 24, height: 8 });
    swatch.append(svg("path", { class: `curve c${i % 4}`, d: "M0 4H24" }));
    const item = html("span", "", ` ${curve.name} ${curve.last}`);
    item.prepend(swatch);
    row.append(item);
  });
  return row;
}

let drawn = 0; // clip paths need ids of their own in the page

function render({ model, el }) {
  el.classList.add("infogan-curves");
  const status = html("div", "status");
  const said = html("div", "said"); // announced when it changes: only the state does, not every step
  said.setAttribute("aria-live", "polite");
  const error = html("div", "error");
  error.setAttribute("role", "alert");
  const figures = html("div", "figures");
  el.append(status, said, error, figures);
  const id = `infogan-clip-${drawn++}`;

  const parts = {
    panels: () =>
      figures.replaceChildren(
        ...model.get("panels").map((panel, i) => {
          const figure = html("figure", panel.lines.length ? "wide" : "");
          figure.append(html("figcaption", "", panel.title), legend(panel), draw(panel, `${id}-${i}`));
          return figure;
        }),
      ),
    status: () => (status.textContent = model.get("status")),
    said: () => (said.textContent = model.get("said")),
    error: () => (error.textContent = model.get("error")),
  };
  for (const [name, act] of Object.entries(parts)) {
    model.on(`change:${name}`, act);
    act();
  }
  return () => {
    for (const [name, act] of Object.entries(parts)) model.off(`change:${name}`, act);
  };
}

export default { render };
