"""`parallel.*` with what it goes together with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pab_bench.config.rank_sections import ParallelSettings
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import baseline_of, settings_identity
from pab_bench.experiment.shareable import check_shareable

Make = Callable[..., Settings]


def test_alone_by_default(settings_of: Make) -> None:
    settings = settings_of()
    assert settings.parallel == ParallelSettings()
    assert not settings.parallel.is_on
    assert "parallel" not in settings_identity(settings)


@pytest.mark.parametrize("method", ["dsp", "ulysses", "megatron_sp"])
def test_a_method_by_its_name(method: str, settings_of: Make) -> None:
    own = settings_of(f"parallel={method}", "parallel.split=tokens", "parallel.timeout_s=7")
    assert own.parallel == ParallelSettings(method, split="tokens", timeout_s=7)  # type: ignore[arg-type]
    assert "record.curves: none are recorded" in "".join(own.notices)


def test_identity_has_the_method_and_the_ranks_but_no_timeout(
    settings_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WORLD_SIZE", "4")
    settings = settings_of("parallel=dsp", "spatial_gap=2")
    expected = {"method": "dsp", "split": "frames", "gather": "output", "guidance": False}
    assert settings_identity(settings)["parallel"] == {**expected, "ranks": 4}
    assert baseline_of(settings).parallel == settings.parallel
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert settings_identity(settings)["parallel"]["ranks"] == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["parallel.method=dps"], "parallel.method=dps: must be one of none, dsp, ulysses"),
        (["parallel=dsp", "parallel.split=rows"], "parallel.split=rows: must be one of frames"),
        (["parallel=dsp", "parallel.gather=all"], "parallel.gather=all: must be one of output"),
        (["parallel=dsp", "parallel.timeout_s=0"], "parallel.timeout_s=0.0: must be a finite"),
        (["parallel=dsp", "compile=true"], "compile=true: is not for videos that ranks share"),
        (["parallel=dsp", "record.attention_maps=true"], "record.attention_maps=true: a rank"),
        (["parallel=dsp", "objectives=[speedup]"], "objectives=speedup: single calls are not"),
        (["parallel=dsp", "task=sample"], "parallel.method=dsp: task=sample does not share"),
        (["parallel=guidance", "guidance=1"], "parallel.guidance=true: there is no guidance"),
        (
            ["parallel=dsp", "model=wan_mini"],
            "parallel.method=dsp: model.system=wan can be split by ulysses",
        ),
        (
            ["parallel=dsp", "model=cogvideox"],
            "parallel.method=dsp: there is no layout that splits model.system=cogvideox",
        ),
        (
            ["parallel=guidance", "model=cogvideox"],
            "parallel.guidance=true: model.system=cogvideox cannot be shared out",
        ),
    ],
)
def test_what_cannot_be_is_refused(overrides: list[str], message: str, settings_of: Make) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(*overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("ranks", "overrides", "message"),
    [
        (1, ["parallel=dsp"], "parallel.method=dsp: needs several ranks: start with torchrun"),
        (3, ["parallel=guidance"], "parallel.guidance=true: needs an even number of ranks"),
        (4, ["parallel=guidance"], "parallel.guidance=true: alone it is for 2 ranks, there are 4"),
        (
            4,
            ["parallel=ulysses"],
            "parallel.method=ulysses: 4 ranks cannot share 6 heads; 2, 3, 6 can, or any number",
        ),
        (
            8,
            ["parallel=megatron_sp", "parallel.guidance=true"],
            "parallel.method=megatron_sp: 4 ranks cannot share 6 heads",
        ),
        (
            2,
            ["model=wan_mini", "parallel=ulysses", "parallel.gather=hidden"],
            "WanTransformer3DModel is split by diffusers' own plan: parallel=ulysses, without",
        ),
    ],
)
def test_ranks_that_cannot_share_are_refused_before_anything_is_loaded(
    ranks: int,
    overrides: list[str],
    message: str,
    settings_of: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    with pytest.raises(ConfigError) as caught:
        check_shareable([settings_of(*overrides)])
    assert message in str(caught.value)


def test_ranks_that_can_share_are_not(settings_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WORLD_SIZE", "3")
    check_shareable([settings_of("parallel=ulysses"), settings_of("parallel=dsp")])
    check_shareable([settings_of("parallel=ulysses", "model=wan_mini")])
