// A picture with its caption and axis labels, and Q's reading beside it. All of it arrives in one message.

function labels(element, texts, chosen) {
  element.replaceChildren(
    ...texts.map((text, i) => {
      const span = document.createElement("span");
      span.textContent = text;
      span.className = i === chosen ? "set" : "";
      return span;
    }),
  );
}

function render({ model, el }) {
  el.classList.add("infogan-screen");
  el.innerHTML = `<figure><figcaption></figcaption><div class="down" aria-hidden="true"></div><img>
    <div class="across" aria-hidden="true"></div></figure><div class="read"></div>`;
  const img = el.querySelector("img");
  let url = "";

  const picture = () => {
    const old = url;
    url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    img.src = url; // the old pixels stay up until the new ones are decoded
    URL.revokeObjectURL(old);
  };
  const words = () => {
    el.querySelector("figcaption").textContent = model.get("caption");
    img.alt = model.get("alt");
    img.style.width = `${model.get("width")}px`;
    el.querySelector("figure").style.width = model.get("down").length ? "" : `${model.get("width")}px`;
    labels(el.querySelector(".across"), model.get("across"), model.get("chosen")[0]);
    labels(el.querySelector(".down"), model.get("down"), model.get("chosen")[1]);
  };
  const read = () => (el.querySelector(".read").innerHTML = model.get("reading"));

  const when = { png: picture, reading: read };
  for (const name of ["caption", "alt", "width", "across", "down", "chosen"]) when[name] = words;
  for (const [name, act] of Object.entries(when)) model.on(`change:${name}`, act);
  [picture, words, read].forEach((act) => act());
  return () => {
    for (const [name, act] of Object.entries(when)) model.off(`change:${name}`, act);
    URL.revokeObjectURL(url);
  };
}

export default { render };
