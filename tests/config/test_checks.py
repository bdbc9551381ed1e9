from __future__ import annotations

from collections.abc import Callable

import pytest

from pab_bench.config.checks import check_window
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.systems.timesteps.known import known_timesteps


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps=0", "steps=0: must be a whole number from 1 to 1000"),
        ("steps=1001", "steps=1001: must be a whole number from 1 to 1000"),
        ("guidance=-1", "guidance=-1.0: must be a finite number"),
        ("guidance=nan", "guidance=nan: must be a finite number"),
        ("dtype=flot16", "dtype=flot16: must be one of float32, float16, bfloat16. Did you mean"),
        ("device=gpu", "device=gpu: must be auto, cpu, mps, cuda or cuda:NUMBER"),
        ("device=cuda:x", "device=cuda:x: must be auto"),
        ("seeds=[1,2,1]", "seeds=[1,2,1]: has the same value more than once: [1]"),
        ("seeds=[]", "seeds=[]: must have at least one seed"),
        ("seeds=[-1]", "seeds=[-1]: must be whole numbers from 0"),
        ("prompts.texts=[]", "prompts.texts=[]: must have at least one prompt"),
        ("prompts.texts=['a',' ']", "prompts.texts=[a, ]: must not contain an empty prompt"),
        ("prompts.texts=[a,a]", "prompts.texts=[a,a]: has the same value more than once: [a]"),
        ("metrics.names=[psnr,lpip]", "metrics.names=lpip: must be one of psnr, ssim, lpips"),
        ("metrics.psnr_cap_db=0", "metrics.psnr_cap_db=0.0: must be a finite number greater"),
        ("on_error=stop", "on_error=stop: must be one of continue, raise"),
        (
            "broadcast_object=score",
            "broadcast_object=score: must be one of output, ungated, scores",
        ),
        ("measure.repeats=0", "measure.repeats=0: must be a whole number of at least 1"),
        ("name=a/b", "name=a/b: must be a folder's name"),
        ("model.frames=0", "model.frames=0: must be a whole number of at least 1"),
        ("model.height=60", "model.height=60: must be a positive multiple of 16"),
        ("model.offload=cpu", "model.offload=cpu: must be one of none, model, sequential"),
        ("model.system=late", "model.system=late: must be one of latte, open_sora"),
        ("method.name=foo", "method.name=foo: must be one of pab,"),
        ("model.path=/no/such", "model.path=/no/such: is not a folder"),
        ("tracking.mode=onlin", "tracking.mode=onlin: must be one of offline, online, disabled."),
        ("spatial_block=[6,9]", "spatial_block=[6,9]: begins beyond the model's last block"),
        ("pab_file=/no/such.yaml", "pab_file=/no/such.yaml: cannot be read: No such file"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_facts(
    override: str, message: str, settings_of: Callable[..., Settings]
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(override)
    assert str(caught.value)[: len(message)] == message


def test_all_wrong_settings_are_in_one_message(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of("spatial_gap=0", "dtype=x", "seeds=[]", "steps=10", "temporal_gap=2",
                    "temporal_threshold=[401,499]")  # fmt: skip
    keys = {line.split("=")[0] for line in str(caught.value).splitlines()}
    assert keys == {"spatial_gap", "dtype", "seeds", "temporal_threshold"}


def test_known_timesteps_are_upstreams() -> None:
    times = known_timesteps("ddim_leading", 50)
    assert times is not None
    assert times[:2] == (980, 960)
    assert times[-1] == 0
    assert len(times) == 50
    assert known_timesteps(None, 50) is None


@pytest.mark.parametrize("steps", [1, 7, 20, 50, 51, 999, 1000])
def test_known_timesteps_are_the_schedulers(steps: int) -> None:
    # diffusers' DDIM with the settings of Latte, stated in its own numpy terms.
    import numpy as np

    expected = (np.arange(0, steps) * (1000 // steps)).round()[::-1].astype(np.int64)
    assert known_timesteps("ddim_leading", steps) == tuple(expected)


def test_window_without_timesteps_is_refused() -> None:
    rules = Rules(cross=GapRule(skip=True, threshold=(401, 419), gap=2))
    times = known_timesteps("ddim_leading", 50) or ()
    with pytest.raises(
        ConfigError, match=r"cross_threshold=.401,419.*from 980 to 0 in steps of 20"
    ):
        check_window(rules, times)


def test_window_is_exclusive_at_both_ends() -> None:
    with pytest.raises(ConfigError):
        check_window(Rules(spatial=GapRule(True, (400, 420), 2)), range(980, -1, -20))
    assert check_window(Rules(spatial=GapRule(True, (399, 420), 2)), range(980, -1, -20)) == []


def test_window_of_a_rule_that_reuses_nothing_is_not_asked_about() -> None:
    assert check_window(Rules(spatial=GapRule(True, (401, 419), 1)), [980, 0]) == []
    assert check_window(Rules(spatial=GapRule(False, (401, 419), 2)), [980, 0]) == []


def test_keys_that_are_not_sampled_are_noticed() -> None:
    keys = KeyRule((KeyTime(720, 2, frozenset({0})), KeyTime(700, 2, frozenset({0}))))
    notices = check_window(Rules(mlp_spatial=keys, mlp_temporal=keys), range(900, -1, -100))
    assert notices == [
        "mlp_keys: [720] are not among the 10 timesteps in steps of 100 and have no effect"
    ]
