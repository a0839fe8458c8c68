"""Trained models as one HTML file that works without Python, a server or a network: `python -m infogan_lib page`."""

from infogan_lib.show.page.build import html
