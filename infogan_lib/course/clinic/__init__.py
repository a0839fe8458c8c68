"""The bug clinic of notebook 11: a healthy training, faults, charts, and the ward they are shown in."""
