"""Long lines drawn with few points."""

from collections.abc import Sequence
from itertools import accumulate

# A place on the time axis and the value there; None where it was not observed.
Point = tuple[float, float | None]
# What is drawn in one stroke.
Piece = tuple[tuple[float, float], ...]

MOST_POINTS = 400


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[list[tuple[float, float]]]:
    """The points of a line in pieces, broken where nothing was observed; `most` points in all.

    Of each stretch the first, lowest, highest and last point are kept, so no extreme is lost.
    """
    valued = [(at, x, value) for at, (x, value) in enumerate(points) if value is not None]
    chosen = valued if len(valued) <= most else _extremes(valued, most // 4)
    pieces: list[list[tuple[float, float]]] = []
    blanks = list(accumulate(value is None for _, value in points))
    seen = None
    for at, x, value in chosen:
        if seen != blanks[at]:
            pieces.append([])
            seen = blanks[at]
        pieces[-1].append((x, value))
    return pieces


def strokes(points: Sequence[Point]) -> tuple[Piece, ...]:
    """The same to be drawn; of a lone point one of no length, which a round cap shows as a dot."""
    return tuple(tuple(piece if len(piece) > 1 else piece * 2) for piece in thinned(points))


def _extremes(
    valued: Sequence[tuple[int, float, float]], stretches: int
) -> list[tuple[int, float, float]]:
    chosen: set[tuple[int, float, float]] = set()
    for number in range(stretches):
        begin, end = (len(valued) * part // stretches for part in (number, number + 1))
        stretch = valued[begin:end]
        lowest = min(stretch, key=lambda point: point[2])
        highest = max(stretch, key=lambda point: point[2])
        chosen |= {stretch[0], lowest, highest, stretch[-1]}
    return sorted(chosen)
