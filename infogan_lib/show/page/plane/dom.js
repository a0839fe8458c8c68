// Elements in one line: h("button", { class: "x", onclick: f, "aria-pressed": "true" }, ...children).

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

export const h = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

let count = 0;
// A row of choices of which one holds: [value, label, drawing or null]. Arrow keys move, as among radio buttons.
export function choice(name, options, value, chosen) {
  const group = `plane-${count++}`;
  const inputs = options.map(([key]) =>
    h("input", { type: "radio", name: group, value: key, checked: key === value, onchange: () => chosen(key) }));
  const labels = options.map(([, label, icon], i) => h("label", {}, inputs[i], h("span", {}, icon, label)));
  const element = h("fieldset", { class: "plane-choice" }, h("legend", {}, name), h("div", {}, labels));
  return { element, set: (key) => inputs.forEach((input) => (input.checked = input.value === String(key))) };
}
