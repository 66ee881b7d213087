"""Thin lines keep their ends, their extremes and their breaks."""

from hypothesis import given
from hypothesis import strategies as st

from heat_upgrade_checks.report.thinning import MOST_POINTS, thinned

Value = st.none() | st.integers(0, 1000).map(float)


@given(st.lists(Value, max_size=2000))
def test_extremes_ends_and_breaks_stay(values: list[float | None]) -> None:
    pieces = thinned([(float(at), value) for at, value in enumerate(values)])
    kept = [point for piece in pieces for point in piece]
    valued = [(float(at), value) for at, value in enumerate(values) if value is not None]
    assert len(kept) <= MOST_POINTS
    assert set(kept) <= set(valued)
    assert kept == sorted(kept)
    if valued:
        assert (kept[0], kept[-1]) == (valued[0], valued[-1])
        heights = [value for _, value in valued]
        assert {min(heights), max(heights)} <= {value for _, value in kept}
    for piece in pieces:
        between = values[int(piece[0][0]) : int(piece[-1][0]) + 1]
        assert None not in between


def test_a_spike_in_a_long_line_is_drawn() -> None:
    points: list[tuple[float, float | None]] = [(float(at), 0.0) for at in range(100_000)]
    points[54_321] = (54_321.0, 7.0)
    ((*kept,),) = thinned(points)
    assert (54_321.0, 7.0) in kept
    assert len(kept) <= MOST_POINTS


def test_a_short_line_is_drawn_as_it_is() -> None:
    assert thinned([(0.0, 1.0), (1.0, None), (2.0, 3.0)]) == [[(0.0, 1.0)], [(2.0, 3.0)]]
    assert thinned([(0.0, None)]) == []
    assert thinned([]) == []
