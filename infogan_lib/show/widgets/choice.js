// One of several: a row of buttons that works as a radio group (arrow keys move), or a menu where they are many.

function render({ model, el }) {
  const options = model.get("options");
  const label = model.get("label");
  el.classList.add("infogan-control", "infogan-choice");
  el.innerHTML = `<span class="name"></span>`;
  el.querySelector(".name").textContent = label;
  const choose = (i) => {
    model.set("value", i);
    model.save_changes();
  };

  let show;
  if (model.get("menu")) {
    const select = document.createElement("select");
    options.forEach((text, i) => select.add(new Option(text, i)));
    select.addEventListener("change", () => choose(Number(select.value)));
    select.setAttribute("aria-label", label);
    select.dataset.lmSuppressShortcuts = "true";
    el.append(select);
    show = () => (select.value = model.get("value"));
  } else {
    const group = document.createElement("div");
    group.className = "options";
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", label);
    group.dataset.lmSuppressShortcuts = "true";
    const buttons = options.map((text, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("role", "radio");
      button.addEventListener("click", () => choose(i));
      group.append(button);
      return button;
    });
    group.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      choose((model.get("value") + by + options.length) % options.length);
      buttons[model.get("value")].focus();
    });
    el.append(group);
    show = () =>
      buttons.forEach((button, i) => {
        const chosen = i === model.get("value");
        button.setAttribute("aria-checked", chosen);
        button.tabIndex = chosen ? 0 : -1;
      });
  }
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
