from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pab_bench.config.settings import Settings
from pab_bench.experiment.identity import settings_identity


@pytest.mark.parametrize(
    "overrides",
    [
        ["results_dir=elsewhere"],
        ["name=other"],
        ["fresh=true"],
        ["on_error=raise"],
        ["tracking=wandb"],
        ["device=cpu"],
        ["temporal_threshold=[1,2]", "temporal_gap=1"],
        ["mlp_gap=4"],
        ["spatial_block=[0,5]"],
        ["steps=50", "guidance=4", "dtype=float32"],
        ["dtype=fp32", "model.dtype=bf16"],
        [
            "metrics.names=[ssim,psnr,temporal_flickering,lpips,sharpness_ratio,colour_shift,"
            "motion_ratio,difference_flickering]"
        ],
        ["metrics.weights=/"],
        ["cross_skip=false"],
    ],
    ids=" ".join,
)
def test_what_does_not_determine_numbers_is_not_in_the_identity(
    overrides: list[str], settings_of: Callable[..., Settings]
) -> None:
    assert settings_identity(settings_of("spatial_gap=2", *overrides)) == settings_identity(
        settings_of("spatial_gap=2")
    )


@pytest.mark.parametrize(
    "override",
    [
        "spatial_gap=3",
        "spatial_threshold=[100,801]",
        "spatial_block=[0,4]",
        "temporal_gap=2",
        "broadcast_object=ungated",
        "seeds=[1]",
        "prompts.texts=[a]",
        "steps=40",
        "guidance=5",
        "dtype=bfloat16",
        "model.frames=8",
        "metrics=none",
        "metrics.psnr_cap_db=60",
        "measure.repeats=2",
        "record.curves=false",
        "record.attention_maps=true",
    ],
)
def test_what_determines_numbers_is_in_the_identity(
    override: str, settings_of: Callable[..., Settings]
) -> None:
    base = ("spatial_gap=2",)
    assert settings_identity(settings_of(*base, override)) != settings_identity(settings_of(*base))


def test_points_without_maps_are_those_made_before_there_were_maps(
    settings_of: Callable[..., Settings],
) -> None:
    assert settings_identity(settings_of())["record"] == {"curves": True, "videos": True}


OFF = [f"{kind}_skip=false" for kind in ("spatial", "temporal", "cross", "mlp")]


def test_all_baselines_are_one(settings_of: Callable[..., Settings]) -> None:
    plain = settings_of(*OFF)
    for overrides in (
        ["broadcast_object=ungated"],
        ["preset=pab236"],
        ["spatial_gap=4", "temporal_threshold=[300,500]"],
    ):
        settings = settings_of(*OFF, *overrides)
        assert settings.is_baseline()
        assert settings_identity(settings) == settings_identity(plain)


def test_a_gap_of_one_is_a_control_and_no_baseline(settings_of: Callable[..., Settings]) -> None:
    control = settings_of()
    assert not control.is_baseline()
    assert settings_identity(control) != settings_identity(settings_of(*OFF))
    for overrides in (
        ["spatial_threshold=[300,500]"],
        ["preset=pab236", "spatial_gap=1", "temporal_gap=1", "cross_skip=false", "mlp_skip=false"],
        ["mlp_skip=true", "mlp_keys=[720]", "mlp_reuse_steps=0"],
    ):
        assert settings_identity(settings_of(*overrides)) == settings_identity(control)


def test_a_range_of_all_blocks_is_no_range(settings_of: Callable[..., Settings]) -> None:
    whole = settings_of("spatial_gap=2")
    assert settings_identity(
        settings_of("spatial_gap=2", "spatial_block=[0,5]")
    ) == settings_identity(whole)
    assert settings_identity(
        settings_of("spatial_gap=2", "spatial_block=[0,4]")
    ) != settings_identity(whole)


def test_identity_is_plain_json(settings_of: Callable[..., Settings]) -> None:
    identity = settings_identity(settings_of("preset=pab236"))
    assert json.loads(json.dumps(identity, allow_nan=False)) == identity


def test_identity_forgets_where_weights_lie(
    settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (
        settings_identity(settings_of("model=latte", f"model.path={tmp_path / name}"))
        for name in "ab"
    )
    assert first == second
    assert str(tmp_path) not in json.dumps(first)
