"""Methods that decide while they sample: tape, operations and bytes of what was decided."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pandas as pd
import pytest

from pab_bench.cost.conventions import get_convention
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.estimate import cache_of, estimate, flops_of
from pab_bench.engine.places import Run
from pab_bench.engine.policy import Policy
from pab_bench.experiment.point import make_point
from pab_bench.experiment.sampling import denoiser_of, places
from pab_bench.experiment.session import digest, open_session
from pab_bench.methods.base import Acceleration, plan_of
from pab_bench.store.points import Store

TRANSFORMER = get_convention("transformer")


class Changes(Policy):
    """Leaves all blocks but the first out where its tokens have changed by little."""

    places = frozenset({"stack"})

    def __init__(self, threshold, sure):
        self._threshold, self._sure = threshold, sure

    def gate_decides(self, quantity):
        return quantity >= self._threshold

    def run(self, at):
        return Run(1, 5)

    def leaves_out(self, at, entrance):
        if at.call < self._sure:
            return False
        size = float((entrance.tokens[0] - entrance.start[0]).abs().mean())
        self.gates[at.lane, at.call] = size
        return not self.gate_decides(size)

    def run_ended(self, at, entrance, tokens):
        self.memory.put((at.lane,), [tokens[0] - entrance.tokens[0]])

    def run_output(self, at, entrance):
        return (entrance.tokens[0] + self.memory.get((at.lane,), last=False)[0],)


@dataclass(frozen=True)
class Gate(Acceleration):
    """A probe of one block decides; the first three calls compute, and two need not be seen."""

    threshold: float
    name: ClassVar[str] = "gate"
    needs: ClassVar[frozenset[str]] = frozenset({"stack"})

    def plan(self, facts):
        return None

    def sure_calls(self, facts):
        return 3

    def replayable_calls(self, facts):
        return 2

    def most_left_out(self, facts):
        return Run(1, 5)

    def policy(self, facts):
        return lambda: Changes(self.threshold, 3)


@pytest.fixture
def dynamic(settings_of):
    windows = ("spatial_threshold=null", "temporal_threshold=null")

    def make(*overrides, gate=None):
        own = settings_of(*windows, "metrics=none", *overrides)
        return own if gate is None else replace(own, method=Gate(gate))

    return make


def test_the_beginning_is_the_baselines(dynamic, tmp_path):
    settings = dynamic(gate=1e9)
    record = make_point(settings, tmp_path / "run").record
    assert record.status == "ok", record.error
    steps = pd.read_parquet(Store(tmp_path / "results").folder(record.id) / "steps.parquet")
    assert steps["replayed"].tolist() == [True, True, False, False, False, False]
    denoiser, place = denoiser_for(settings)
    computed = denoiser.run(place)
    assert record.inputs[0]["latents"] == digest(computed.latents)
    assert record.ledger == computed.ledger


def denoiser_for(settings):
    """What sends a point's only video through its model, and that video."""
    session = open_session(settings)
    plan = plan_of(settings.method, session.sampler, settings.steps, settings.guidance)
    return denoiser_of(settings, session, plan), places(settings)[0]


@pytest.mark.parametrize("threshold", [0.2, 2.0])
def test_what_was_decided_tells_operations_and_bytes(dynamic, threshold):
    settings = dynamic("method=teacache", f"method.threshold={threshold}")
    denoiser, place = denoiser_for(settings)
    text, _ = denoiser.session.encode(place.prompt)
    with WorkCounter() as counter:
        run = denoiser.run(place)
    (executed,) = run.executed
    flops = flops_of(settings, TRANSFORMER, executed, text.tokens)
    assert 0 < executed.reuse_share() < 1
    assert TRANSFORMER.count(counter.work, "latte") == flops.method
    bounds = estimate(settings, TRANSFORMER)
    assert bounds.least.method <= flops.method <= bounds.flops.method == flops.baseline
    assert run.peak_cache_bytes == cache_of(settings, denoiser.plan, text.tokens).peak
    assert set(run.gates) == set(run.gate_decisions) == {(0, call) for call in range(1, 5)}


def test_bounds_are_told(dynamic):
    found = estimate(dynamic(gate=0.5), TRANSFORMER)
    # Three of six calls leave five of six block pairs out.
    content = found.to_json()
    assert content["open"]
    assert content["flops_ratio"] == 1
    assert content["flops_ratio_least"] == pytest.approx(1 - 3 / 6 * 5 / 6, abs=0.02)
    assert content["cache_bytes"] > 0
