"""Maps of changes are kept where they are asked for, and change nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from pab_bench.config.settings import Settings
from pab_bench.experiment.point import make_point
from pab_bench.store.points import Store

NAME = "attention_maps.safetensors"


def test_a_baseline_keeps_maps_of_its_first_video(
    settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    common = ("spatial_gap=2", "seeds=[3,1]")
    plain = make_point(settings_of(*common), tmp_path)
    mapped = make_point(settings_of(*common, "record.attention_maps=true"), tmp_path)
    without, record = plain.record, mapped.record
    assert record.status == without.status == "ok", (record.error, without.error)
    assert record.id != without.id
    assert NAME not in record.files
    assert plain.baseline is not None
    assert mapped.baseline is not None
    assert NAME not in plain.baseline.files
    assert mapped.baseline.inputs == plain.baseline.inputs
    maps = load_file(Store(tmp_path / "results").folder(mapped.baseline.id) / NAME)
    assert maps["steps"].tolist() == [1, 2, 4, 5]
    assert set(maps) == {
        "steps",
        "blocks",
        "spatial",
        "temporal",
        "cross",
        "mlp_spatial",
        "mlp_temporal",
    }
    assert maps["spatial"].shape == (3, 4, 16, 2, 2)
    assert (maps["spatial"] > 0).all()
    assert np.isfinite(maps["cross"]).all()
