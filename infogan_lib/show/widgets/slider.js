// A range input whose track shows where training drew its values from.
// ipywidgets sends a trait's newest value once the kernel has dealt with the one before: no backlog builds up.

const THUMB = 16; // pixels, as in controls.css

function render({ model, el }) {
  const [low, high] = model.get("ends");
  const zone = model.get("zone");
  el.classList.add("infogan-control", "infogan-slider");
  el.innerHTML = `<span class="name"></span><div class="track"><div class="zone"></div>
    <input type="range" data-lm-suppress-shortcuts="true"></div><output></output>`;
  const input = el.querySelector("input");
  el.querySelector(".name").textContent = model.get("label");
  input.setAttribute("aria-label", model.get("label"));
  Object.assign(input, { min: low, max: high, step: model.get("step") });

  const place = (v) => {
    const share = (v - low) / (high - low); // the thumb's centre stays half a thumb inside the track
    return `calc(${THUMB / 2}px + ${share} * (100% - ${THUMB}px))`;
  };
  const shade = el.querySelector(".zone");
  shade.hidden = !zone.length;
  if (zone.length) {
    shade.style.left = place(zone[0]);
    shade.style.width = `calc(${(zone[1] - zone[0]) / (high - low)} * (100% - ${THUMB}px))`;
    shade.title = `training drew values from ${zone[0]} to ${zone[1]}`;
  }

  const show = () => {
    const value = model.get("value");
    const beyond = zone.length && (value < zone[0] || value > zone[1]);
    input.value = value;
    input.setAttribute("aria-valuetext", value.toFixed(2) + (beyond ? ", beyond the trained range" : ""));
    el.querySelector("output").textContent = value.toFixed(2);
  };
  input.addEventListener("input", () => {
    model.set("value", Number(input.value));
    model.save_changes();
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
