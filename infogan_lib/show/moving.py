"""Pictures that move without a kernel: a page of HTML that carries all it shows, and a still picture in its place.

A notebook keeps the page as an output and a web site can embed it. Where scripts do not run (GitHub, a notebook that
is not trusted, print) the still picture and its alt text are seen; where they run, the script takes its place.
"""

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Moving:
    """`name`.js and `name`.css, beside this file, show `data`, which is plain JSON; `still` is a PNG, `alt` its text.

    The script defines `show(stage, data)`, which fills `stage`. That element stands in a shadow root of its own, so no
    style of the page reaches it, nor one of its own the page. It may use what moving.js and moving.css give: elements,
    a slider, a player, and colours that follow the page's.
    """

    name: str
    data: Mapping[str, Any]
    still: bytes
    alt: str

    @cached_property
    def html(self) -> str:
        """One <div>, without a request to anywhere."""
        data = json.dumps(self.data, separators=(",", ":"))
        script = f"{self._code('js')}\nstart(figure, {json.dumps(self._code('css'))}, show, {data});"
        script = script.replace("</", r"<\/")  # no word of the data may end the script
        picture = base64.b64encode(self.still).decode()
        return (
            f'<div><img style="max-width:100%" alt="{html.escape(self.alt)}" src="data:image/png;base64,{picture}">'
            f"<script>((figure) => {{\n{script}\n}})(document.currentScript.parentElement);</script></div>"
        )

    def _code(self, kind: str) -> str:
        return "\n".join((HERE / f"{part}.{kind}").read_text(encoding="utf-8") for part in ("moving", self.name))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}
