// A dial for an angle: dragged, touched, or turned with the arrow keys. Anticlockwise from the right, as in mathematics.

const R = 30; // of the rim, in an image of 84 x 84
const STEPS = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30 }; // degrees

function render({ model, el }) {
  el.classList.add("infogan-control", "infogan-dial");
  el.innerHTML = `<span class="name"></span><svg width="84" height="84" viewBox="-42 -42 84 84" tabindex="0" role="slider"
    aria-valuemin="-180" aria-valuemax="180" data-lm-suppress-shortcuts="true"><circle class="rim" r="${R}"/>
    <line class="hand" x1="0" y1="0"/><circle class="knob" r="8"/></svg><output></output>`;
  const svg = el.querySelector("svg");
  el.querySelector(".name").textContent = model.get("label");
  svg.setAttribute("aria-label", model.get("label"));

  const turn = (angle) => {
    model.set("value", Math.atan2(Math.sin(angle), Math.cos(angle))); // back into -pi..pi
    model.save_changes();
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    turn(Math.atan2(box.top + box.height / 2 - event.clientY, event.clientX - box.left - box.width / 2));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && point(event));
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Home") turn(0);
    else if (event.key in STEPS) turn(model.get("value") + (STEPS[event.key] * Math.PI) / 180);
    else return;
    event.preventDefault();
  });

  const show = () => {
    const angle = model.get("value");
    const degrees = Math.round((angle * 180) / Math.PI);
    const [x, y] = [R * Math.cos(angle), -R * Math.sin(angle)];
    Object.entries({ x2: x, y2: y }).forEach(([k, v]) => svg.querySelector(".hand").setAttribute(k, v));
    Object.entries({ cx: x, cy: y }).forEach(([k, v]) => svg.querySelector(".knob").setAttribute(k, v));
    svg.setAttribute("aria-valuenow", degrees);
    svg.setAttribute("aria-valuetext", `${degrees} degrees`);
    el.querySelector("output").textContent = `${degrees}°`;
  };
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
