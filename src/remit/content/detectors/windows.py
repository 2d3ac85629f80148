"""A text in windows that overlap, for detectors whose time does not grow with the text alone."""

from __future__ import annotations

from collections.abc import Iterator


def windows(text: str, size: int, overlap: int) -> Iterator[tuple[int, str]]:
    """The parts of *text* and where each begins: what is shorter than *overlap* is in one whole."""
    yield 0, text[:size]
    for start in range(size - overlap, len(text) - overlap, size - overlap):
        yield start, text[start : start + size]
