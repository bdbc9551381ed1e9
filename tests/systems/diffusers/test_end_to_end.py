"""From the command line to metrics and curves."""

import pandas
import pytest
from systems.diffusers.driven import KNOWN

from pab_bench.cli import main
from pab_bench.store.points import Store

OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in KNOWN if name != "wan"]
MODELS = {"hunyuan15": "hunyuan_video_1_5", "cosmos": "cosmos_1"}
"""What some are called; others are called as their system."""
AS_NAMED = [
    param
    for param in ("wan", *OTHERS)
    if KNOWN[param if isinstance(param, str) else param.values[0]].system
]


def run(folder, results, known, model, *more):
    frames, height, width = known.size
    return main(
        [
            f"model={model}",
            f"model.path={folder}",
            f"model.frames={frames}",
            f"model.height={height}",
            f"model.width={width}",
            "spatial_gap=2",
            "steps=4",
            "threshold=[0,1001]",
            "speed.calls=false",
            "prompts.texts=[a red circle moves right]",
            f"results_dir={results}",
            *more,
        ]
    )


@pytest.mark.parametrize("name", AS_NAMED)
def test_a_named_model_runs_by_its_folder(saved, tmp_path, name):
    known = KNOWN[name]
    model = MODELS.get(name, known.system)
    more = ["dtype=float32", "model.depth=null", "metrics=none", "record.curves=false"]
    assert run(saved(name), tmp_path, known, model, *more) == 0
    (point,) = (record for record in Store(tmp_path).records() if not record.is_baseline)
    assert point.config["broadcast_object"] == "output"
    assert point.config["model"]["sampler"] == known.system
    assert point.config["model"]["depth"] == known.depth
    assert 0 < point.plan["reuse_share"]["all"] < point.plan["reuse_share"]["spatial"] <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wan", *OTHERS])
def test_a_pipeline_runs_by_its_folder(saved, tmp_path, name):
    known = KNOWN[name]
    status = run(saved(name), tmp_path, known, "diffusers")
    assert status == 0
    records = list(Store(tmp_path).records())
    (baseline,) = (record for record in records if record.is_baseline)
    (point,) = (record for record in records if not record.is_baseline)
    assert point.config["broadcast_object"] == "ungated"
    assert point.config["model"]["sampler"] == "diffusers"
    shares = point.plan["reuse_share"]
    assert 0 < shares["all"] < shares["spatial"] <= 0.5
    assert point.cost["cache_bytes"] == point.peak_cache_bytes > 0
    assert 0.5 < point.cost["flops_ratio"] < 1
    assert 10 < point.quality["psnr_db"]["value"] < 100
    curves = pandas.read_parquet(tmp_path / "points" / baseline.id / "curves.parquet")
    sites = sum(known.groups.values()) * known.lanes * (4 - known.transformers)
    assert len(curves[curves.tensor == "ungated"]) == sites
    assert set(curves.lane) == set(range(known.lanes))
