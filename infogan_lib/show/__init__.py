"""What it looks like: plots, and widgets that answer at once."""
