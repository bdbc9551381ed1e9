"""Whatever changes a number's last digits is part of the identity, or is said."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.experiment.arithmetic import arithmetic, check_same_arithmetic, use_threads
from pab_bench.experiment.control import compare_control, control_in_words
from pab_bench.experiment.device import device_kind
from pab_bench.experiment.identity import identity, settings_key
from pab_bench.experiment.point import make_point
from pab_bench.store.points import point_id
from pab_bench.store.records import Record


@pytest.fixture(scope="module")
def composed():
    """The defaults on a CPU: composing takes longer than all else here."""
    return compose(device="cpu")


def address(composed, **changes):
    return point_id(identity(replace(composed, **changes), "0" * 64))


@settings(max_examples=10)
@given(st.integers(1, 64), st.integers(1, 64))
def test_numbers_of_threads_are_points_of_their_own(composed, one, other):
    assert (address(composed, threads=one) == address(composed, threads=other)) == (one == other)


def test_no_number_of_threads_means_the_process_own(composed):
    assert address(composed) == address(composed, threads=torch.get_num_threads())
    assert settings_key(compose()) != settings_key(compose(threads=1))


@pytest.mark.parametrize("name", ["ATEN_CPU_CAPABILITY", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE"])
def test_variables_that_choose_kernels_are_in_the_identity(composed, name, monkeypatch):
    plain = address(composed)
    monkeypatch.setenv(name, "1")
    assert address(composed) != plain
    assert arithmetic("cuda") == {"variables": {name: "1"}}


def test_threads_do_not_matter_on_a_gpu():
    assert arithmetic("cuda:0", threads=3) == arithmetic("mps", threads=4) == {}


def test_kinds_of_device_are_told_apart():
    assert [device_kind(device) for device in ("cpu", "mps")] == ["cpu", "mps"]


def test_threads_are_used_and_given_back():
    before = torch.get_num_threads()
    use_threads(before + 1)
    assert torch.get_num_threads() == before + 1
    use_threads(None)
    assert torch.get_num_threads() == before


def test_ranks_that_round_otherwise_are_refused():
    own = arithmetic("cpu", 2)
    check_same_arithmetic({"arithmetic": own}, own)
    check_same_arithmetic({}, {})
    with pytest.raises(ConfigError, match=r"rank 0 has .*threads 2 and this one .*threads 1"):
        check_same_arithmetic({"arithmetic": own}, arithmetic("cpu", 1))


def test_one_and_two_threads_in_one_store(tmp_path):
    """Each is compared with a baseline of its own, so that both controls are identical."""
    results = tmp_path / "results"
    for threads in (1, 2):
        settings = compose(
            steps=4,
            threads=threads,
            spatial_gap=1,
            metrics=["psnr"],
            record={"videos": False, "curves": False},
            model={"height": 32, "width": 32},
            device="cpu",
            prompts=["a small red circle"],
            results_dir=str(results),
        )
        assert make_point(settings, tmp_path / "run").record.status == "ok"
    records = [json.loads(p.read_text()) for p in sorted(results.glob("points/*/record.json"))]
    assert len(records) == 4
    by_id = {record["id"]: record for record in records}
    controls = [record for record in records if not record["is_baseline"]]
    assert len(controls) == 2
    for record in controls:
        assert record["control"] == {"identical": True}
        assert record["quality"]["psnr_db"]["value"] == 100
        theirs = by_id[record["baseline_id"]]["provenance"]["threads"]
        assert theirs == record["provenance"]["threads"]
    assert {record["provenance"]["threads"] for record in controls} == {1, 2}


def record(**provenance):
    return Record(
        id="b",
        status="ok",
        config={},
        model={},
        prompts=["a"],
        seeds=[0, 1],
        baseline_id=None,
        is_baseline=True,
        provenance=provenance,
    )


@given(st.lists(st.integers(0, 255), min_size=2, max_size=2))
def test_a_control_is_its_baseline_or_said_not_to_be(levels):
    baseline = {(0, seed): np.full((2, 4, 4, 3), 100, np.uint8) for seed in (0, 1)}
    own = {place: frames.copy() for place, frames in baseline.items()}
    for (_, frames), level in zip(own.items(), levels, strict=True):
        frames[1, 2, 3, 0] = level
    found = compare_control(own, baseline, {"threads": 2}, record(threads=1))
    apart = [abs(level - 100) for level in levels if level != 100]
    assert found["identical"] == (not apart)
    if apart:
        assert found["videos"] == len(apart)
        assert found["largest_difference"] == max(apart)
        assert "made with other threads" in control_in_words(found)


def test_a_control_made_in_the_same_way_blames_the_kernels():
    baseline = {(0, 0): np.zeros((1, 4, 4, 3), np.uint8)}
    found = compare_control({(0, 0): baseline[0, 0] + 1}, baseline, {"cpu": "x"}, record(cpu="x"))
    assert "deterministic=true" in found["reason"]
