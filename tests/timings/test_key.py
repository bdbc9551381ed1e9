"""What is timed together, and what never is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pab_bench.engine.cache_options import CacheOptions
from pab_bench.experiment.identity import baseline_of, settings_identity
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.timings.key import timings_key

VERSIONS = {"pab_bench": "1", "torch": "2", "diffusers": "3", "transformers": "4"}
HERE = {"device": "cpu", "cpu": "Processor 9", "cores": 8, "threads": 4, "versions": VERSIONS}
CONFIG = {
    "model": {"name": "made"},
    "dtype": "float32",
    "guidance": 7.5,
    "prompts": ["a", "b"],
}


def text(config, **machine):
    return json.dumps(timings_key(config, {**HERE, **machine}), sort_keys=True)


def test_whatever_is_reused_is_timed_together(settings_of):
    one = settings_of("spatial_gap=2")
    rules = Rules(temporal=GapRule(True, (100, 800), 3))
    for other in (
        baseline_of(one),
        replace(one, method=PyramidAttentionBroadcast(rules, "scores")),
        replace(one, cache=CacheOptions("float16")),
        replace(one, steps=8, seeds=(3, 4), metrics=("psnr",), guidance=5.0),
        replace(one, measure=replace(one.measure, repeats=2)),
        replace(one, prompts=(*one.prompts, "b")),
    ):
        assert settings_identity(other) != settings_identity(one)
        assert text(settings_identity(other)) == text(settings_identity(one))


def test_what_changes_the_work_of_a_call_has_a_key_of_its_own(settings_of):
    one = settings_of()
    different = (
        one,
        replace(one, model=replace(one.model, frames=8)),
        replace(one, model=replace(one.model, height=64)),
        replace(one, dtype="bfloat16"),
        replace(one, compile=True),
        replace(one, deterministic=True),
        replace(one, guidance=1.0),
        replace(one, prompts=("a small blue square",)),
    )
    assert len({text(settings_identity(other)) for other in different}) == len(different)


@pytest.mark.parametrize(
    "machine",
    [
        {"cpu": "Processor 10"},
        {"cores": 16},
        {"threads": 2},
        {"device": "NVIDIA H100"},
        *({"versions": {**VERSIONS, name: "9"}} for name in VERSIONS),
        {"versions": {"torch": "2"}},
    ],
    ids=str,
)
def test_machines_and_versions_are_never_mixed(machine):
    assert text(CONFIG, **machine) != text(CONFIG)


def test_variables_that_choose_kernels_are_never_mixed():
    chosen = {"variables": {"MKL_CBWR": "AVX2"}}
    assert text({**CONFIG, "arithmetic": chosen}) != text(CONFIG)


def test_what_has_no_part_in_it_is_not_in_the_key():
    assert text(CONFIG, created="2027-01-01", platform="x") == text(CONFIG)
    assert text(CONFIG, versions={**VERSIONS, "numpy": "5"}) == text(CONFIG)
    gpu = {"device": "NVIDIA H100"}
    assert text(CONFIG, **gpu, threads=1) == text(CONFIG, **gpu, threads=8)
