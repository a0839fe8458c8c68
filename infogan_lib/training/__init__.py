"""How a run is driven, kept and placed on a device. `loop` first: it takes the steps of `core.steps`."""
