// Two trainings side by side: the pictures of one moment, and L_I up to that moment.

const LOW = -0.75, HIGH = 2.45; // nats, of the charts

function show(stage, data) {
  const steps = data.steps, end = steps[steps.length - 1], ceiling = data.most.digit;
  const across = (step) => 100 * Math.cbrt(step / end); // per cent, as the moments were chosen
  const up = (nats) => (100 * (HIGH - Math.max(LOW, nats))) / (HIGH - LOW);
  const said = (moment) => `step ${steps[moment].toLocaleString("en")}`;
  const place = (name, text, style) => make("span", { class: name, style, "aria-hidden": "true" }, text);

  const panels = data.films.map((film) => {
    const strip = make("img", { alt: "", src: `data:image/webp;base64,${film.sprite}` });
    strip.style.height = `${100 * steps.length}%`;
    const screen = make("div", { class: "screen", role: "img", style: `aspect-ratio: ${data.size[1]} / ${data.size[0]}` }, strip);
    const codes = make("div", { class: "codes", "aria-hidden": "true" });
    for (let code = 0; code < 10; code++) codes.append(make("span", {}, code));

    const lines = make("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
    lines.append(make("line", { class: "ceiling", x1: 0, x2: 100, y1: up(ceiling), y2: up(ceiling) }));
    lines.append(make("line", { class: "zero", x1: 0, x2: 100, y1: up(0), y2: up(0) }));
    const names = Object.keys(film.nats);
    names.forEach((name, i) => {
      const points = film.nats[name].map((nats, j) => `${across(data.points[j]).toFixed(2)} ${up(nats).toFixed(2)}`);
      lines.append(make("path", { class: `curve c${i}`, d: `M${points.join("L")}` }));
    });
    const now = make("div", { class: "now" });
    const chart = make("div", { class: "chart" }, lines, now);
    chart.append(place("y", "ln 10", `top: ${up(ceiling)}%`), place("y", "0", `top: ${up(0)}%`));
    for (const step of [...[1, 50, 400].filter((s) => s < end / 2), end])
      chart.append(place("x", step.toLocaleString("en"), `left: ${across(step)}%`));

    const values = names.map((name) => make("b"));
    const legend = make("div", { class: "legend" });
    names.forEach((name, i) => {
      const dash = make("svg", { viewBox: "0 0 26 8", "aria-hidden": "true" }, make("path", { class: `curve c${i}`, d: "M0 4H26" }));
      legend.append(make("span", {}, dash, ` ${name} `, values[i]));
    });
    const title = make("div", { class: "title" }, make("strong", {}, film.name), make("span", {}, film.about));
    stage.append(make("section", { "aria-label": film.name }, title, screen, codes, legend, chart));

    return (moment) => {
      const point = data.points.indexOf(steps[moment]);
      strip.style.transform = `translateY(${(-100 * moment) / steps.length}%)`;
      now.style.left = `${across(steps[moment])}%`;
      names.forEach((name, i) => (values[i].textContent = film.nats[name][point].toFixed(2).replace("-", "−")));
      screen.setAttribute("aria-label", `Samples of ${film.name} at ${said(moment)}`);
    };
  });

  const controls = player({
    name: "step of the training",
    last: steps.length - 1,
    seconds: 0.45,
    say: said,
    show: (moment) => panels.forEach((draw) => draw(moment)),
  });
  stage.append(make("div", { class: "wide" }, controls, make("p", {}, data.words)));
}
