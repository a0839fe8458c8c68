"""What it looks like: plots, and widgets that answer at once."""

from importlib.util import find_spec

for _name in ("matplotlib", "ipywidgets"):
    if find_spec(_name) is None:
        raise ImportError(
            f"infogan_lib.show needs {_name}: install infogan-lib[course], and clone the repository for the notebooks."
        )
