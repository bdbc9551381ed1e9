"""A point's record: predicted and measured cost, where the time went, memory."""

from __future__ import annotations

import pandas as pd
import pytest

from pab_bench.experiment.point import make_point
from pab_bench.probes.site_times import COLUMNS, PARTS
from pab_bench.store.points import Store

REUSING = ("spatial_gap=2", "temporal_gap=3", "cross_gap=2")
TIMED = ("measure.repeats=2", "measure.parts=true", "measure.replay=false")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One store for all points, so that their baseline is sampled once."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def make(settings_of, results, tmp_path):
    """A point's record and its table of steps."""

    def point(*overrides):
        settings = settings_of(f"results_dir={results}", *overrides)
        record = make_point(settings, tmp_path / "run").record
        assert record.status == "ok", record.error
        return record, pd.read_parquet(Store(results).folder(record.id) / "steps.parquet")

    return point


@pytest.mark.parametrize(
    "how",
    [
        (),
        ("broadcast_object=ungated",),
        ("broadcast_object=scores",),
        ("cache.dtype=bfloat16",),
        ("cache.device=cpu",),
        ("deterministic=true",),
    ],
    ids=lambda how: how[0] if how else "default",
)
def test_predicted_bytes_are_held(make, how):
    record, _ = make(*REUSING, *how)
    assert record.peak_cache_bytes == record.cost["cache_bytes"] > 0
    assert record.cost["flops_method"] < record.cost["flops_baseline"]
    assert record.memory["peak_resident_bytes"] > 0


def test_how_outputs_are_kept_makes_another_point_but_not_another_baseline(make):
    records = [make(*REUSING, *how)[0] for how in ((), ("cache.dtype=float16",))]
    assert records[0].id != records[1].id
    assert records[0].baseline_id == records[1].baseline_id
    assert records[0].peak_cache_bytes == 2 * records[1].peak_cache_bytes
    assert records[0].inputs[0]["latents"] != records[1].inputs[0]["latents"]


def test_time_of_every_kind_and_part(make):
    record, steps = make(*REUSING, *TIMED)
    assert len(steps) == 2 * 6
    assert set(steps.columns) >= set(COLUMNS)
    timing = record.timing
    for column in COLUMNS:
        assert len(timing[column]["values"]) == 2
        by_video = steps.groupby("repeat")[column].sum().tolist()
        assert timing[column]["values"] == pytest.approx(by_video)
        assert timing[column]["lower_quartile"] <= timing[column]["median"]
    parts = steps[[f"{part}_s" for part in PARTS]].sum(axis=1)
    assert parts.tolist() == pytest.approx(steps["transformer_s"].tolist())
    # Reusing takes next to nothing: at the steps 1 and 3 spatial attention was not computed.
    spatial = steps.groupby("step")["spatial_s"].min()
    assert max(spatial[1], spatial[3]) < 0.5 * min(spatial[0], spatial[2])


def test_without_parts_nothing_of_it_is_kept(make):
    record, steps = make(*REUSING)
    assert not set(COLUMNS) & set(steps.columns)
    assert not set(COLUMNS) & set(record.timing)
