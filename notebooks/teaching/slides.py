"""Build the slides of the 90-minute lesson as one HTML file that needs no network: `make slides`.

`slides.md` beside this file is the list: slides are divided by `---`, a line that begins with `>` is a note to the
teacher, and `![Asked for](../07_infogan.ipynb)` is the picture of that notebook whose description begins so.
Pictures are taken from the notebooks as committed, and so are their full descriptions.
"""

from __future__ import annotations

import argparse
import html
import json
import re
from pathlib import Path

from nbconvert.filters import markdown2html

HERE = Path(__file__).resolve().parent
PICTURE = re.compile(r"^!\[([^]]+)\]\((\S+\.ipynb)\)$", re.M)

# Fullscreen one after the other on a screen, one a page on paper.
STYLE = """
body { margin: 0; font: 3.2vmin/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
section { display: none; box-sizing: border-box; height: 100vh; padding: 4vmin 7vmin 7vmin; flex-direction: column;
  justify-content: center; gap: 1.6vmin; }
section.now { display: flex; }
section > * { margin: 0; }
h1 { font-size: 6.4vmin; line-height: 1.15; } h2 { font-size: 4.6vmin; line-height: 1.2; }
p, li { max-width: 60em; } li { margin-bottom: .5em; }
img { min-height: 0; width: 100%; height: 68vh; object-fit: contain; flex: 0 1 68vh; }
.anchor-link { display: none; }
code { background: #f0f0f0; padding: 0 .25em; } pre { background: #f0f0f0; padding: 1em; } pre code { padding: 0; }
table { border-collapse: collapse; align-self: flex-start; }
td, th { padding: .3em 1em; border-bottom: 1px solid #bbb; text-align: left; }
blockquote { display: none; border-left: .4em solid #2b6cb0; padding-left: 1em; font-size: 2.1vmin; color: #444; }
body.notes blockquote { display: block; }
footer { position: fixed; right: 2vmin; bottom: 1.5vmin; font-size: 1.8vmin; color: #666; }
@page { size: 297mm 167mm; margin: 0; }
@media print { section { display: flex; break-after: page; } footer { display: none; } }
"""
SCRIPT = """
const slides = [...document.querySelectorAll("section")];
let now = Math.min(slides.length, Math.max(1, parseInt(location.hash.slice(1)) || 1)) - 1;
function show(i) {
  now = Math.min(slides.length - 1, Math.max(0, i));
  slides.forEach((slide, k) => slide.classList.toggle("now", k === now));
  document.querySelector("footer").textContent = (now + 1) + " / " + slides.length;
  history.replaceState(null, "", "#" + (now + 1));
}
const keys = {ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1, Home: -1e9, End: 1e9};
addEventListener("keydown", event => {
  if (event.key === "n") document.body.classList.toggle("notes");
  else if (event.key in keys) { event.preventDefault(); show(now + keys[event.key]); }
});
addEventListener("click", event => show(now + (event.clientX < innerWidth / 4 ? -1 : 1)));
show(now);
"""


def picture(notebook: str, begins: str) -> str:
    """The <img> of the picture whose description begins so. Raises ValueError if there is not exactly one."""
    cells = json.loads((HERE / notebook).read_text(encoding="utf-8"))["cells"]
    found = []
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
        if alt.startswith(begins):
            found.append((output["data"]["image/png"].replace("\n", ""), alt))
    if len(found) != 1:
        name = Path(notebook).name
        raise ValueError(
            f"{name} has {len(found) or 'no'} picture whose description begins with {begins!r}; "
            "slides.md must name exactly one. Copy more of the beginning of its description."
        )
    return f'<img src="data:image/png;base64,{found[0][0]}" alt="{html.escape(found[0][1])}">'


def slide(text: str) -> str:
    """One slide of slides.md as a <section>."""
    pictures = iter([picture(match[2], match[1]) for match in PICTURE.finditer(text)])
    body = markdown2html(PICTURE.sub("\n<img>\n", text))
    return f"<section>{re.sub('(?:<p>)?<img>(?:</p>)?', lambda _: next(pictures), body)}</section>"


def build(text: str) -> str:
    """The whole page."""
    sections = "\n".join(slide(part) for part in re.split(r"^---$", text, flags=re.M))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>InfoGAN in 90 minutes</title>'
        f"<style>{STYLE}</style>\n{sections}\n<footer></footer><script>{SCRIPT}</script></html>\n"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=HERE.parent.parent / "reports" / "slides.html")
    out = parser.parse_args(arguments).out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(build((HERE / "slides.md").read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {out} (arrow keys move, n shows the notes, printing gives one slide a page)")


if __name__ == "__main__":
    main()
