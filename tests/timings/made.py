"""Rounds whose times are known."""

from __future__ import annotations

from pab_bench.timings.rounds import CONTROL, Round, TimedPlan, TimingPass

ALL, HALF, TENTH = "computes all", "half", "tenth"
"""Classes: their calls take all, half and a tenth of the time of a call that reuses nothing."""
TAKES = {HALF: 0.5, TENTH: 0.1, CONTROL: 1.0}
PARTS = {"spatial": 0.25, "temporal": 0.25, "cross": 0.125, "mlp": 0.25}
STEPS, SAMPLER = 10, 2.0
"""The sampler takes as long as two calls."""
PLAN = TimedPlan(STEPS, STEPS, {ALL: 4, HALF: 4, TENTH: 2}, {"spatial": 4.0, "mlp": 2.0})
BASELINE = TimedPlan(STEPS, STEPS, {ALL: STEPS}, {"spatial": 0.0, "mlp": 0.0})
SPEEDUP = (SAMPLER + 10) / (SAMPLER + 4 + 4 * 0.5 + 2 * 0.1)


def made_round(call_s=1.0, takes=TAKES, parts=PARTS, disturbed=0):
    """One in which a call that reuses nothing takes `call_s`."""
    return Round(
        {name: share * call_s for name, share in takes.items()},
        dict.fromkeys(takes, call_s),
        {str(STEPS): SAMPLER * call_s},
        parts,
        calls=len(takes) + disturbed,
        disturbed=disturbed,
    )


def made_pass(rounds, clock="wall", threads=1):
    return TimingPass(clock, threads, "2026-01-01T00:00:00+00:00", rounds)
