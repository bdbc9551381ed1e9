"""Points of methods other than PAB: sampled, held against their baseline, counted and kept."""

from dataclasses import replace

import pandas as pd
import pytest

from pab_bench.cost.conventions import get_convention
from pab_bench.cost.estimate import estimate
from pab_bench.engine.places import Run
from pab_bench.engine.policy import Policy
from pab_bench.experiment.identity import settings_identity, video_identity
from pab_bench.experiment.point import make_point
from pab_bench.methods.base import Acceleration
from pab_bench.problems import InvalidSettings
from pab_bench.store.points import Store


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One store for all points, so that their baseline is sampled once."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def rival(settings_of, results):
    """Settings of a method that has no windows; baselines have the calls 830, 664, ... 0."""

    def make(*overrides):
        windows = ("spatial_threshold=null", "temporal_threshold=null")
        return settings_of(*windows, "metrics.names=[psnr]", f"results_dir={results}", *overrides)

    return make


@pytest.fixture
def made(tmp_path):
    def make(settings):
        found = make_point(settings, tmp_path / "run")
        assert found.record.status == "ok", found.record.error
        return found

    return make


def test_fewer_steps_against_the_baseline_of_all_steps(rival, made):
    settings = rival("method=fewer_steps", "method.steps=3")
    point = made(settings)
    record = point.record
    assert (record.plan["calls"], point.baseline.plan["calls"]) == (3, 6)
    assert record.cost["flops_ratio"] == pytest.approx(0.5)
    assert record.control == {}  # It reuses nothing, and yet it is no control.
    assert 5 < record.quality["psnr_db"]["value"] < 60
    assert record.inputs[0]["noise"] == point.baseline.inputs[0]["noise"]
    # Its videos are those of a baseline with three steps; so the tape can serve both.
    other = settings_identity(rival("steps=3", "spatial_skip=false", "temporal_skip=false"))
    own = settings_identity(settings)
    assert video_identity(own) == video_identity(other)
    assert own["steps"] == 6


@pytest.mark.parametrize(
    ("choice", "share", "how"),
    [
        (("fora", "method.interval=2"), 2 / 6, None),
        pytest.param(
            ("tgate", "method.gate=3", "method.warm_up=0", "method.interval=2"),
            None,
            "reused",
            marks=pytest.mark.slow,
        ),
        (("delta_dit", "method.blocks=3", "method.boundary=2"), 3 * 3 / (6 * 6), "skipped"),
        pytest.param(("taylorseer", "method.lite=true"), 2 / 6, "skipped", marks=pytest.mark.slow),
        pytest.param(("taylorseer",), None, "extrapolated", marks=pytest.mark.slow),
        pytest.param(
            ("magcache", "method.ratios=[1,1,1,1,1,1]"), 4 / 6, "skipped", marks=pytest.mark.slow
        ),
        (("fastercache_diffusers", "method.temporal_gap=3"), None, "extrapolated"),
        (
            (
                "dbcache",
                "method.first_blocks=2",
                "method.last_blocks=1",
                "method.steps_mask=[1,0,0,1,0,1]",
                "method.mask_policy=static",
                "method.order=1",
            ),
            3 * 3 / (6 * 6),
            "skipped",
        ),
    ],
)
def test_points(rival, made, results, choice, share, how):
    name, *keys = choice
    settings = rival(f"method={name}", *keys)
    record = made(settings).record
    assert record.config["method"]["name"] == name
    assert record.cost["flops_ratio"] < 1
    assert record.quality["psnr_db"]["value"] < 100
    if share is not None:
        assert record.plan["reuse_share"]["spatial"] == pytest.approx(share)
    known = estimate(settings, get_convention("transformer"))
    assert known.flops.ratio == pytest.approx(record.cost["flops_ratio"])
    rows = pd.read_parquet(Store(results).folder(record.id) / "plan.parquet")
    assert ("how" in rows) == (how is not None)
    assert how is None or how in set(rows["how"])
    assert record.peak_cache_bytes == record.cost["cache_bytes"] > 0


class Changes(Policy):
    """Leaves all blocks but the first out where its tokens have changed by little."""

    places = frozenset({"stack"})

    def __init__(self, threshold):
        self._threshold = threshold

    def run(self, at):
        return Run(1, 5)

    def leaves_out(self, at, entrance):
        change = entrance.tokens[0] - entrance.start[0]
        size = float(change.abs().mean())
        self.gates[at.lane, at.call] = size
        return at.call > 1 and size < self._threshold

    def run_ended(self, at, entrance, tokens):
        self.memory.put((at.lane,), [tokens[0] - entrance.tokens[0]])

    def run_output(self, at, entrance):
        return (entrance.tokens[0] + self.memory.get((at.lane,), last=False)[0],)


class Gate(Acceleration):
    """A method that decides while it samples."""

    name = "gate"
    needs = frozenset({"stack"})

    def __init__(self, threshold):
        self.threshold = threshold

    def settings(self):
        return {"threshold": self.threshold}

    def plan(self, facts):
        return None

    def sure_calls(self, facts):
        return 2

    def policy(self, facts):
        return lambda: Changes(self.threshold)


@pytest.mark.parametrize(("threshold", "share"), [(1e9, 4 * 5 / (6 * 6)), (0.0, 0.0)])
def test_what_is_decided_while_sampling_is_kept(rival, results, tmp_path, threshold, share):
    settings = replace(rival("method=fora"), method=Gate(threshold))
    found = make_point(settings, tmp_path / "run")
    record = found.record
    assert record.status == ("ok" if share else "reused_nothing"), record.error
    assert record.has_numbers
    assert make_point(settings, tmp_path / "again").cached
    assert record.plan["open"]
    assert record.plan["reused_nothing"] == (share == 0)
    assert record.plan["reuse_share"]["spatial"] == pytest.approx(share)
    assert record.cost["flops_ratio"] == pytest.approx(1 - share, abs=0.05)
    rows = pd.read_parquet(Store(results).folder(record.id) / "plan.parquet")
    assert {"prompt", "seed", "lane", "how", "rows", "gate", "gate_computes"} <= set(rows)
    assert (rows["gate"] > 0).all()
    assert rows["gate_computes"].isna().all()  # The number alone does not decide.
    assert (rows["how"] == "skipped").any() == (share > 0)


def test_adacache_keeps_what_it_decided_by(rival, made, results):
    book = "method.thresholds=[.1,.2,.4,.5,.6,1]", "method.rates=[3,3,2,2,2,1]"
    keys = "method.codebook=own", *book, "method.measure_blocks=[2]"
    record = made(rival("method=adacache", *keys)).record
    assert record.config["method"]["codebook"] == "own"
    assert record.plan["open"]
    assert 0 < record.plan["reuse_share"]["all"] < 4 / 6
    assert record.cost["flops_ratio"] < 1
    assert record.peak_cache_bytes > 0
    rows = pd.read_parquet(Store(results).folder(record.id) / "plan.parquet")
    gates = rows.groupby("call")["gate"].first()
    reused = rows.groupby("call")["reuse"].all()
    assert gates.isna().tolist() == [True, *reused[1:]]
    assert not reused[[0, 1, 4, 5]].any()


@pytest.mark.slow
def test_seacache_on_two_lanes(rival, made, results):
    record = made(
        rival("model=wan_mini", "method=seacache", "method.threshold=0.6", "steps=10")
    ).record
    assert 0 < record.plan["reuse_share"]["all"] < 1
    rows = pd.read_parquet(Store(results).folder(record.id) / "plan.parquet")
    lanes = [own["reuse"].tolist() for _, own in rows.groupby("lane")]
    assert lanes[0] == lanes[1]
    assert (rows["gate"].dropna() > 0).all()
    assert set(rows["how"]) == {"computed", "skipped"}


@pytest.mark.slow
def test_a_method_inside_fewer_steps(rival, made):
    settings = rival("method=fewer_steps", "method.steps=4", "method.inside={name:fora,interval:2}")
    record = made(settings).record
    assert record.config["method"]["inside"]["interval"] == 2
    assert record.plan["calls"] == 4
    assert record.plan["reuse_share"]["spatial"] == pytest.approx(1 / 4)
    assert record.cost["flops_ratio"] < 4 / 6 * 0.9


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("method.steps=4", "method.inside=foo"), "method.inside=foo: must be one of pab"),
        (("method.steps=4", "method.inside=3"), "method.inside=3: must be the name of a method"),
        (
            ("method.steps=4", "method.inside={name:fora,gap:2}"),
            "there is no key 'gap' in method (interval, phase, kinds)",
        ),
        (("method.steps=4", "method.inside=fora", "spatial_gap=2"), "spatial_gap=2: is a key of"),
        (("method.steps=4", "method.inside=pab"), "method.inside=pab: reuses nothing"),
    ],
)
def test_what_cannot_be_inside(rival, overrides, message):
    with pytest.raises(InvalidSettings) as caught:
        rival("method=fewer_steps", *overrides)
    assert message in str(caught.value)


def test_pab_inside_has_its_keys_at_the_root(rival):
    settings = rival(
        "method=fewer_steps",
        "method.steps=4",
        "method.inside=pab",
        "spatial_gap=2",
        "spatial_threshold=[100,700]",
    )
    identity = settings_identity(settings)
    assert identity["rules"]["spatial"]["gap"] == 2
    assert identity["method"]["inside"] == "pab"
    assert identity["broadcast_object"] == "output"


@pytest.mark.parametrize(
    ("name", "keys", "computed"),
    [
        ("dbcache", ("first_blocks=1", "warm_up=2", "threshold=0.5", "last_blocks=1"), 2 / 6),
        ("easycache", ("warm_up=2", "threshold=5"), 0),
    ],
)
def test_rivals_that_decide_while_sampling(rival, made, results, name, keys, computed):
    record = made(rival(f"method={name}", *(f"method.{key}" for key in keys))).record
    rows = pd.read_parquet(Store(results).folder(record.id) / "plan.parquet")
    gates = rows.groupby("call")["gate"].first()
    threshold = record.config["method"]["threshold"]
    assert gates[:2].isna().all()
    assert gates[2:5].notna().all()
    for call, gate in gates.dropna().items():
        how = rows[(rows["call"] == call) & (rows["block"] == 3)]["how"]
        assert (how == ("skipped" if gate < threshold else "computed")).all()
    left_out = int((gates < threshold).sum())
    assert left_out > 1
    # Blocks around the middle ones compute at every call, and so they cost.
    share = left_out / 6 * (1 - computed)
    assert record.plan["reuse_share"]["spatial"] == pytest.approx(share)
    assert record.cost["flops_ratio"] == pytest.approx(1 - share, abs=0.05)
    assert record.plan["reused_nothing"] is False
    assert record.peak_cache_bytes > 0
