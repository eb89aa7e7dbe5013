"""What an expression of Earth Engine is known by."""

from __future__ import annotations

import hashlib


def subject_of(image: str) -> str:
    """Return what lessons about an expression are filed under, and what files made of it say."""
    return hashlib.sha256(image.encode()).hexdigest()[:32]
