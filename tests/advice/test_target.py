from dataclasses import replace

import pytest

from pab_bench.advice.surrogate import prior
from pab_bench.advice.target import Target, stated_target, target_of
from pab_bench.engine.kinds import SPATIAL
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.store.records import Record


def record(lpips=0.01, psnr=40.0, ratio=0.7, held=1000):
    quality = {"lpips": {"value": lpips}, "psnr_db": {"value": psnr}}
    return Record(
        id="x",
        status="ok",
        config={},
        model={},
        prompts=["p"],
        seeds=[0],
        baseline_id="b",
        is_baseline=False,
        provenance={},
        quality=quality,
        cost={"flops_ratio": ratio},
        peak_cache_bytes=held,
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("advise.max_lpips=0", "advise.max_lpips=0.0: must be a finite number above 0"),
        ("advise.max_lpips=inf", "advise.max_lpips=inf: must be a finite number above 0"),
        ("advise.min_psnr=-3", "advise.min_psnr=-3.0: must be a finite number above 0"),
        ("advise.min_speedup=1", "advise.min_speedup=1.0: must be a finite number above 1"),
        ("advise.max_cache_gb=0", "advise.max_cache_gb=0.0: must be a finite number above 0"),
        ("advise.budget=0", "advise.budget=0: must be a whole number of at least 1"),
        ("advise.max_lag=0", "advise.max_lag=0: must be a whole number from 1 to 32"),
        ("advise.max_lag=33", "advise.max_lag=33: must be a whole number from 1 to 32"),
        ("advise.elements=10", "advise.elements=10: must be a whole number of at least 256"),
    ],
)
def test_impossible_values_are_named(settings_of, line, message):
    with pytest.raises(ConfigError) as caught:
        settings_of("task=advise", line)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "task=advise preset=pab236"),
        (["advise.max_cache_gb=1"], "task=advise needs a target"),
        (["preset=pab236", "advise.min_psnr=40"], "states another target; remove one of them"),
        (["advise.min_psnr=40", "broadcast_object=scores"], "broadcast_object=scores"),
        (["advise.min_psnr=40", "metrics=none"], "add lpips and psnr"),
        (["advise.min_psnr=40", "metrics.names=[lpips]"], "add psnr"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(settings_of, lines, message):
    with pytest.raises(ConfigError) as caught:
        stated_target(settings_of("task=advise", *lines))
    assert message in str(caught.value)


def test_rules_are_what_is_to_be_beaten(settings_of):
    assert stated_target(settings_of("task=advise", "preset=pab_document")) is None
    assert stated_target(settings_of("task=advise", "spatial_gap=2")) is None


def test_stated_targets(settings_of):
    settings = settings_of("advise.max_lpips=0.02", "advise.min_psnr=30", "advise.max_cache_gb=2")
    target = stated_target(settings)
    assert target == Target({"lpips": 0.02, "psnr": 30.0}, None, 2 * 10**9)
    assert target.in_words() == "LPIPS at most 0.02, PSNR at least 30 dB, at most 2 GB held"
    assert settings_identity(settings) == settings_identity(settings_of())


def test_what_meets_a_target():
    assert Target({"lpips": 0.01, "psnr": 40.0}).is_met(record())
    assert not Target({"lpips": 0.0099}).is_met(record())
    assert not Target({"psnr": 40.1}).is_met(record())
    assert Target(speedup=1.4).is_met(record())
    assert not Target(speedup=1.5).is_met(record())
    assert not Target({"psnr": 1.0}, most_bytes=999).is_met(record())


def test_to_beat_is_to_be_as_good(settings_of):
    target = target_of(record(), settings_of("advise.max_cache_gb=0.5"))
    assert target == Target({"lpips": 0.01, "psnr": 40.0}, None, 5 * 10**8, to_beat=True)
    assert target.is_met(record(ratio=0.1))


def test_the_hardest_bound_decides_which_error_is_allowed():
    surrogate = replace(
        prior([SPATIAL]),
        offsets={"lpips": 0.0, "psnr": 0.0},
        slopes={"lpips": 1.0, "psnr": 1.0},
    )
    assert Target({"lpips": 0.1, "psnr": 30.0}).largest_error(surrogate) == pytest.approx(1e-3)
    assert Target({"lpips": 1e-4, "psnr": 30.0}).largest_error(surrogate) == pytest.approx(1e-4)
    assert Target(speedup=2).largest_error(surrogate) == float("inf")
