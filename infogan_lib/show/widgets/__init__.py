"""Widgets for a notebook or a voila page: thin layers over the pure functions in `render` and `knobs`."""

from infogan_lib.show.widgets.draw import DrawAndRead
from infogan_lib.show.widgets.explorer import LatentExplorer
from infogan_lib.show.widgets.monitor import TrainingMonitor

__all__ = ["DrawAndRead", "LatentExplorer", "TrainingMonitor"]
