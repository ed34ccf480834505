"""All cells of the matrix: surface x ending x {sync, async}, written against the SDK only."""

from __future__ import annotations

from tests.matrix import plain, streams
from tests.matrix.cells import Cell

CELLS: tuple[Cell, ...] = (*plain.CELLS, *streams.CELLS)


def names() -> list[str]:
    """The names of all cells; the same under every SDK, as no SDK is needed to tell."""
    return [cell.name for cell in CELLS]
