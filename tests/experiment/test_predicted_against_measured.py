"""Operations and held bytes of every method with a plan: predicted, and measured on a video."""

import json
import sys
from pathlib import Path

import pytest

from pab_bench.methods.registry import METHODS
from pab_bench.problems import InvalidSettings

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
STEPS = 6
RATIOS = f"method.ratios={[1] * STEPS}"
CASES = {
    "pab": ("spatial_gap=2", "temporal_gap=3", "cross_gap=2", "mlp_skip=true", "mlp_gap=2"),
    "fewer_steps": ("method.steps=4",),
    "fora": ("method.interval=2",),
    "mask": (),
    "taylorseer": ("method.interval=3", "method.before=1"),
    "magcache": (RATIOS,),
    "fastercache": (
        *("method.attention_first=2", "method.attention_gap=2", "method.weight=0.5"),
        *("method.weight_rise=0", "method.guidance_first=3", "method.guidance_gap=5"),
        *("method.low_factor=1.1", "method.low_last=4", "method.high_factor=1.1"),
        *("method.high_first=5", "method.whole=compute"),
    ),
    "fastercache_diffusers": ("method.temporal_gap=3",),
    "delta_dit": ("method.blocks=3", "method.boundary=2"),
    "delta_dit_pab": ("method.intervals=['0-3:0-2']",),
    "tgate": ("method.gate=3", "method.warm_up=0", "method.interval=2"),
    "tgate_pab": (
        *("method.spatial_calls=[0,3]", "method.spatial_gap=2", "method.temporal_calls=[0,3]"),
        *("method.temporal_gap=2", "method.cross_call=3"),
    ),
}
DECIDING = {"adacache", "dbcache", "easycache", "external", "seacache", "teacache"}
"""Methods without a plan, unless a mask is one: test_dynamic holds bounds and what was executed."""
ALIKE = ("mask", "tgate_pab", "delta_dit_pab", "fewer_steps", "fastercache_diffusers")
"""Counted as others are, from a table of sites or of runs."""
NOT_CARRIED = {("wan_mini", own) for own in ("tgate", "fastercache", "fastercache_diffusers")}
"""Each half of the guidance batch is a call of its own."""
WITHOUT_WINDOWS = ("spatial_threshold=null", "temporal_threshold=null")


@pytest.fixture(scope="module")
def compare():
    """The benchmark's comparison."""
    sys.path.append(str(BENCHMARKS))
    try:
        from predicted_against_measured import compare as own
    finally:
        sys.path.remove(str(BENCHMARKS))
    return own


def test_every_method_with_a_plan_is_held():
    assert set(CASES) | DECIDING == set(METHODS)


def keys_of(name, folder):
    if name == "mask":
        file = folder / "plan.json"
        file.write_text(json.dumps({"spatial": "101001"}))
        return f"method.file={file}"
    return None


@pytest.mark.parametrize(
    "name", [pytest.param(own, marks=[pytest.mark.slow] if own in ALIKE else []) for own in CASES]
)
def test_both_are_equal_to_the_last_digit(settings_of, compare, tmp_path, name):
    file = keys_of(name, tmp_path)
    windows = () if name == "pab" else WITHOUT_WINDOWS
    settings = settings_of(f"method={name}", *windows, *CASES[name], *([file] if file else []))
    found = compare(settings)
    assert found.operations[0] == found.operations[1] < found.baseline
    assert found.held[0] == found.held[1]
    assert (found.held[0] > 0) == (name != "fewer_steps")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("model", ["open_sora_mini", "wan_mini"])
def test_they_are_on_other_models(settings_of, compare, tmp_path, model, name):
    file = keys_of(name, tmp_path)
    keys = [k for k in CASES[name] if model != "wan_mini" or not k.startswith("temporal_gap")]
    given = [
        *(f"model={model}", "prompts.texts=[a green striped triangle]", f"method={name}"),
        *(["threshold=[1,999]"] if name == "pab" else []),
        *(*WITHOUT_WINDOWS, *keys, *([file] if file else [])),
    ]
    if (model, name) in NOT_CARRIED:
        with pytest.raises(InvalidSettings, match="halves of the guidance batch in one call"):
            settings_of(*given)
        return
    assert compare(settings_of(*given)).equal
