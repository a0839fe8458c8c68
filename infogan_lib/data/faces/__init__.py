"""Rendered faces: their factors, the renderer, sets of them, and the views in which Q may read their codes."""

from infogan_lib.data.faces.dataset import face_set, face_split
from infogan_lib.data.faces.factors import (
    FACTORS,
    FINGERPRINT,
    GRAIN,
    SCORED,
    SIZES,
    TABLE,
    Factor,
    film,
    fingerprint,
    make,
    render,
    sample,
    setting,
)
from infogan_lib.data.faces.views import face_view
