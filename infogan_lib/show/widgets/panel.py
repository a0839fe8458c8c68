"""What the three widgets have in common: made of many, they go as one, and nothing of them stays in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import ipywidgets

from infogan_lib.show.widgets.callbacks import on_rerun


def page(name: str) -> str:
    """The text of a script or a style beside this file. As a path, anywidget would keep every widget that has it."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


class Panel(ipywidgets.VBox):
    """A widget made of many. Closed, it is off the page and its model is free, whoever still holds the widget itself:
    IPython keeps in `Out` what a cell shows. It is closed when the cell that made it is run again, too.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget]) -> None:
        super().__init__(children)
        on_rerun(self.replaced)

    @property
    def closed(self) -> bool:
        return self.comm is None

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError(f"this {type(self).__name__} is closed; make another one.")

    def close(self) -> None:
        """Take the widget off the page, and let go of its model."""
        if not self.closed:  # ipywidgets closes what was only half made, too: it never had a comm
            self._close()

    def replaced(self) -> None:
        """The cell that made this is run again: close."""
        self.close()

    def _close(self) -> None:
        for part in list(_parts(self)):
            ipywidgets.Widget.close(part)


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """The widget, and all in it: each layout and style is a widget, too."""
    yield widget
    for name in widget.keys:
        value = getattr(widget, name)
        for inner in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(inner, ipywidgets.Widget):
                yield from _parts(inner)
