"""Speedups of whole videos that were sampled in turns."""

from __future__ import annotations

import pytest

from pab_bench.timings.videos import TimedVideos, videos_speedup


def timed(*turns, clock="wall"):
    return TimedVideos(clock, 1, "2026-01-01", turns)


def test_numbers_by_hand():
    """Ratios 2 and 8: their geometric mean is 4, and ln 4 is the half of ln 8 - ln 2."""
    turns = {"baseline": [3.0, 5.0], "p": [2.0, 2.0]}, {"baseline": [8.0, 8.0], "p": [0.5, 1.5]}
    figure, clock = videos_speedup("p", [timed(*turns)])
    assert clock == "wall"
    assert figure.value == pytest.approx(4)
    # ln 2 and ln 8: standard error ln 2; Student's t with one degree of freedom: 12.7062.
    assert figure.low == pytest.approx(4 * 2**-12.7062, rel=1e-4)
    assert figure.high == pytest.approx(4 * 2**12.7062, rel=1e-4)


def test_three_turns_in_two_processes():
    """Ratios 1, 2 and 4: ln 2 apart, t with two degrees of freedom is 4.30265."""
    turns = [{"baseline": [r, r], "p": [1.0, 1.0], "q": [1.0, 1.0]} for r in (1.0, 2.0, 4.0)]
    figure, _ = videos_speedup("p", [timed(*turns[:2]), timed(turns[2])])
    assert figure.value == pytest.approx(2)
    assert figure.high == pytest.approx(2 * 2 ** (4.30265 / 3**0.5), rel=1e-4)


def test_what_drifts_evenly_cancels():
    takes = {"baseline": 4.0, "p": 2.0, "q": 1.0}
    order = ["baseline", "q", "p", "p", "q", "baseline"]
    turns = []
    for start in (1.0, 3.0):
        turn: dict[str, list[float]] = {}
        for number, name in enumerate(order):
            turn.setdefault(name, []).append(takes[name] * (start + 0.3 * number))
        turns.append(turn)
    for name, speedup in (("p", 2), ("q", 4)):
        figure, _ = videos_speedup(name, [timed(*turns)])
        assert [figure.value, figure.low, figure.high] == pytest.approx([speedup] * 3)


def test_a_plan_needs_two_turns_by_one_clock():
    turn = {"baseline": [2.0, 2.0], "p": [1.0, 1.0]}
    assert videos_speedup("p", []) is None
    assert videos_speedup("q", [timed(turn, turn)]) is None
    assert videos_speedup("p", [timed(turn)]) is None
    assert videos_speedup("p", [timed(turn), timed(turn, clock="cpu")]) is None
    slower = {**turn, "p": [2.0, 2.0]}
    both = [timed(slower, slower, clock="cpu"), timed(turn, turn)]
    figure, clock = videos_speedup("p", both)
    assert (figure.value, clock) == (2, "wall")
    assert videos_speedup("p", both[:1])[1] == "cpu"
