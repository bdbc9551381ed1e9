"""A point of somebody else's acceleration: sampled, watched, counted and kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from pab_bench.experiment.point import make_point
from pab_bench.reproduce.settings import CannotBeMade, method_of
from pab_bench.store.points import Store

FREE = ("spatial_threshold=null", "temporal_threshold=null", "metrics.names=[psnr]", "steps=12")
PAB = (
    "method=external",
    "method.enable=diffusers:PyramidAttentionBroadcastConfig",
    "method.arguments={spatial_attention_block_skip_range:2,"
    "temporal_attention_block_skip_range:4,cross_attention_block_skip_range:6}",
)


@pytest.fixture
def made(settings_of, tmp_path):
    def make(*overrides):
        return make_point(settings_of(*FREE, *overrides), tmp_path / "run").record

    return make


def test_19_temporal_attention_follows_the_spatial_range(made, tmp_path):
    record = made(*PAB, "method.audit=false")
    assert record.status == "ok", record.error
    found = {own["name"]: own["evidence"] for own in record.audit["findings"]}
    assert set(found) == {"more_computed_than_asked"}
    evidence = found["more_computed_than_asked"]
    assert evidence.startswith("temporal: computed at ")
    assert evidence.endswith("its calls are those of spatial")

    # What the modules did is plan, share and cost of the point.
    assert record.plan["open"]
    assert not record.plan["reused_nothing"]
    shares = record.plan["reuse_share"]
    assert shares["spatial"] == shares["temporal"] > 0
    assert shares["mlp"] == 0
    assert 0.5 < record.cost["flops_ratio"] < 1
    assert record.peak_cache_bytes is None
    rows = pd.read_parquet(Store(tmp_path / "results").folder(record.id) / "plan.parquet")
    assert {"prompt", "seed", "lane", "how", "rows"} <= set(rows)
    own = rows[rows["kind"] == "spatial"].groupby("call")["reuse"].all()
    assert own.mean() == shares["spatial"]
    ledger = record.ledger["spatial"]
    assert ledger["reused"] / sum(ledger.values()) == shares["spatial"]


@pytest.mark.slow
def test_it_is_counted_as_our_own_pab_is(made):
    theirs = made(*PAB, "method.audit=false")
    ours = made(
        "broadcast_object=ungated",
        "threshold=[100,800]",
        "spatial_gap=2",
        "temporal_gap=2",
        "cross_gap=6",
    )
    assert theirs.cost["flops_baseline"] == ours.cost["flops_baseline"]
    # Both counted; phases differ, since upstream counts calls from the first one.
    assert theirs.cost["flops_ratio"] == pytest.approx(ours.cost["flops_ratio"], abs=0.05)


@pytest.mark.slow
def test_it_is_found_in_tables_notes_and_summary(run, tmp_path, capsys):
    enable = "method.enable=diffusers:TaylorSeerCacheConfig"
    arguments = ("metrics.names=[psnr]", "record.curves=false", "method=external", enable)
    assert run(*arguments, "method.audit=false") == 0
    assert "audit: attached_nothing, reused_nothing" in capsys.readouterr().out
    (folder,) = tmp_path.glob("results/single/*")
    table = (folder / "tables" / "audit.md").read_text()
    assert "reused_nothing" in table
    assert "diffusers:TaylorSeerCacheConfig" in table
    assert pd.read_csv(folder / "summary.csv")["audit"].tolist() == ["2 findings"]
    assert "tables/audit.md" in (folder / "report.html").read_text()
    records = [json.loads(p.read_text()) for p in tmp_path.glob("results/points/*/record.json")]
    (record,) = [own for own in records if not own["is_baseline"]]
    assert record["plan"]["reused_nothing"]


@pytest.mark.slow
def test_what_cannot_be_enabled_is_a_failed_point_and_leaves_the_model_bare(made):
    record = made("method=external", "method.enable=audit.caches:fails")
    assert record.status == "failed"
    assert (
        "calling it with the pipeline failed: RuntimeError: no such model"
        in (record.error["message"])
    )
    record = made("method=external", "method.enable=diffusers:FasterCacheConfig",
                  "method.arguments={tensor_fromat: BFCHW}")  # fmt: skip
    assert "FasterCacheConfig has no such field" in record.error["message"]
    assert "Did you mean 'tensor_format'?" in record.error["message"]
    control = made("spatial_gap=1", "temporal_gap=1", "spatial_threshold=[100,700]",
                   "temporal_threshold=[100,700]")  # fmt: skip
    assert control.is_baseline or control.control["identical"]


def test_the_code_that_a_record_names_is_never_run(made):
    record = made(*PAB, "method.audit=false")
    with pytest.raises(CannotBeMade, match="never run because a record names it"):
        method_of(replace(record))
