from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from config.left_open import BY_CONTENDER, BY_METHOD, left_open
from hydra import compose
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.paths import CONF, SWEEPS
from pab_bench.config.resolve import resolve
from pab_bench.config.settings import Settings
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.pab_keys import RULE_KEYS
from pab_bench.methods.rules import GapRule, KeyRule
from pab_bench.minis.captions import split_captions

FILES = sorted([*CONF.rglob("*.yaml"), *SWEEPS.rglob("*.yaml")])
# Of a contender in three strengths, one is for every run of the tests, and the others are slow.
STRENGTHS = ("_milder", "_stronger")
CHOICES = [
    pytest.param(
        f"{file.parent.relative_to(CONF)}={file.stem}",
        marks=[pytest.mark.slow] if file.stem.endswith(STRENGTHS) else [],
    )
    for file in sorted(CONF.rglob("*.yaml"))
    if file.parent != CONF
]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_option_of_every_group_resolves(
    choice: str, hydra_ready: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, _, option = choice.partition("=")
    own = left_open(option) if group == "model" else {}
    if group == "contender":
        own = BY_CONTENDER.get(option, {})
    if group == "method":
        own = BY_METHOD.get(option, {})
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mask.json").write_text(json.dumps({"spatial": "10" * 25}))
    if option == "cogvideox_tiny":  # Which a command of its own writes first.
        monkeypatch.chdir(tmp_path)
        (tmp_path / "models" / option).mkdir(parents=True)
    cfg = compose("config", [choice, *(f"{key}={value}" for key, value in own.items())])
    assert resolve(cfg, [choice]).steps == cfg.model.steps


@pytest.mark.parametrize("file", sorted(SWEEPS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_sweep_is_a_multirun_of_known_keys(file: Path, hydra_ready: None) -> None:
    cfg = compose("config", [f"+sweeps={file.stem}"], return_hydra_config=True)
    assert cfg.hydra.mode.name == "MULTIRUN"
    for key in cfg.hydra.sweeper.params:
        absent = object()
        found = OmegaConf.select(cfg, key, default=absent)
        section, _, last = key.rpartition(".")
        # A key whose value is None is there, too.
        assert found is not absent or last in (OmegaConf.select(cfg, section) if section else cfg)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_file_is_headed_by_a_command_that_uses_it(file: Path) -> None:
    head = file.read_text().splitlines()[:2]
    command = next(
        line for line in head if line.startswith(("# python -m pab_bench", "# torchrun "))
    )
    if file.parent not in (CONF, CONF / "hydra" / "help"):
        assert file.stem in command


@pytest.mark.parametrize("override", ["spatial_gpa=2", "+foo=1", "model.foo=1"])
def test_hydra_itself_refuses_unknown_keys(override: str, hydra_ready: None) -> None:
    if override.startswith("+"):
        cfg = compose("config", [override])
        assert "foo" in cfg  # What an append does to a schema; the command line refuses it.
        return
    with pytest.raises(HydraException):
        compose("config", [override])


@pytest.mark.parametrize(
    "override", ["spatial_gap=x", "spatial_skip=maybe", "seeds=[a]", "steps=1.5"]
)
def test_hydra_itself_refuses_wrong_types(override: str, hydra_ready: None) -> None:
    with pytest.raises((HydraException, OmegaConfBaseException)):
        compose("config", [override])


def test_without_settings_nothing_is_reused(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    assert not any(settings_identity(settings)["rules"].values())
    assert not settings.is_baseline()  # It is sampled through the method, as a control.
    off = [f"{kind}_skip=false" for kind in ("spatial", "temporal", "cross")]
    assert settings_of(*off).is_baseline()
    assert settings.method.rules.spatial == GapRule(
        skip=True, threshold=(100, 800), gap=1, block=None
    )
    assert settings.model.name == "latte_mini"
    assert (settings.guidance, settings.dtype) == (4.0, "float32")


@pytest.mark.parametrize(
    ("preset", "gaps"), [("pab236", (2, 3, 6)), ("pab347", (3, 4, 7)), ("pab469", (4, 6, 9))]
)
def test_paper_presets(
    preset: str, gaps: tuple[int, int, int], settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(f"preset={preset}", "model=latte")
    rules = settings.method.rules
    assert (rules.spatial.gap, rules.temporal.gap, rules.cross.gap) == gaps
    assert {r.threshold for r in (rules.spatial, rules.temporal, rules.cross)} == {(100, 800)}
    assert isinstance(rules.mlp_spatial, KeyRule)
    assert rules.mlp_temporal == rules.mlp_spatial
    assert [k.timestep for k in rules.mlp_spatial.keys] == [720, 640, 560, 480, 400]
    assert {k.reuse_steps for k in rules.mlp_spatial.keys} == {2}
    assert {k.blocks for k in rules.mlp_spatial.keys} == {frozenset(range(5))}
    assert settings.preset == preset
    assert settings.notices == ()


def test_overrides_win_over_presets(settings_of: Callable[..., Settings]) -> None:
    assert settings_of("preset=pab236", "spatial_gap=5").method.rules.spatial.gap == 5


def test_preset_file_sets_only_rules() -> None:
    for file in (CONF / "preset").glob("*.yaml"):
        assert set(yaml.safe_load(file.read_text())) <= {*RULE_KEYS, "preset"}


def test_mini_prompts_are_held_out_captions(settings_of: Callable[..., Settings]) -> None:
    assert list(settings_of().prompts) == [caption.text for caption in split_captions()[1][:4]]


def test_latte_is_pinned(settings_of: Callable[..., Settings]) -> None:
    model = settings_of("model=latte", "prompts=pab_demo").model
    assert model.repository == "maxin-cn/Latte-1"
    assert model.revision is not None
    assert len(model.revision) == 40
    assert (model.depth, model.frames, model.height, model.width) == (28, 16, 512, 512)
