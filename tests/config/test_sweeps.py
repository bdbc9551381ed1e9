"""Every ready experiment: its header's command composes, here and with the released models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from pab_bench.config import hydra_setup
from pab_bench.config.grid import Grid
from pab_bench.config.paths import SWEEPS
from pab_bench.config.preflight import preflight
from pab_bench.config.resolvers import part
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.facts import About

CONTENDERS = SWEEPS.parent / "conf" / "contender"
NAMES = sorted(path.stem for path in SWEEPS.glob("*.yaml"))
POINTS = {
    "gap_spatial": 4,
    "gap_temporal": 4,
    "gap_cross": 4,
    "gap_grid": 27,
    "components": 5,
    "thresholds": 14,
    "blocks": 8,
    "table1_latte": 3,
    "table1_open_sora": 3,
    "table1_open_sora_plan": 3,
    "pyramid_inverted": 2,
    "table1_fair": 24,
    "audit_diffusers": 8,
}

PART = {
    "table1_fair": ["model=latte_mini"],
    "rivals": ["model=wan_mini", "contender=own_seacache_milder,tgate"],
    "rivals_static": ["model=wan_mini"],
    "audit_diffusers": ["model=latte_mini"],
}
"""Of what is composed in full by slow tests only, or needs a checkpoint that is made first."""
FULL = dict.fromkeys(PART, ()) | {"audit_diffusers": ["model=latte_mini"]}
_EACH = (("own_", "_milder"), ("", ""), ("own_", "_stronger"))
_SEACACHE = {f"{before}seacache{after}" for before, after in _EACH}
ALIKE = {"gap_temporal", "gap_cross", "gap_grid", "thresholds", "pyramid_inverted"}
"""What differs from `gap_spatial` in values alone."""
OWN_MODELS = {"table1_fair", "audit_diffusers"}
"""What is not meant for one released model."""


@cache
def grid(*arguments: str) -> Grid:
    hydra_setup.register()
    return preflight(hydra_setup.argument_parser().parse_args(arguments))


def shares(points: Grid, kind: str) -> list[tuple[bool, int]]:
    rules = [getattr(point.settings.method.rules, kind) for point in points.points]
    return [(rule.skip, rule.gap) for rule in rules]


@pytest.mark.parametrize("name", NAMES)
def test_the_header_says_how_to_run_it(name: str) -> None:
    lines = (SWEEPS / f"{name}.yaml").read_text().splitlines()
    assert lines[1] == f"# python -m pab_bench +sweeps={name}"
    assert lines[2].startswith("# ")
    found = grid(f"+sweeps={name}", *PART.get(name, ()))
    assert found.multirun
    assert {point.settings.name for point in found.points} == {name}


@pytest.mark.parametrize(
    ("name", "points"),
    [
        pytest.param(name, points, marks=[pytest.mark.slow] if name in PART else [])
        for name, points in POINTS.items()
    ],
)
def test_it_has_so_many_different_points(name: str, points: int) -> None:
    identities = [
        str(settings_identity(point.settings))
        for point in grid(f"+sweeps={name}", *FULL.get(name, ())).points
    ]
    assert len(identities) == len(set(identities)) == points


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else [])
        for name in POINTS
        if name not in OWN_MODELS
    ],
)
def test_it_runs_on_a_released_model(name: str) -> None:
    model = name.partition("table1_")[2] or "latte"
    found = grid(f"+sweeps={name}", f"model={model}")
    assert {point.settings.model.name for point in found.points} == {model}
    assert len(found.points) == POINTS[name]


@pytest.mark.parametrize(
    ("kind", "gaps"), [("spatial", range(2, 6)), ("temporal", range(3, 7)), ("cross", range(5, 9))]
)
def test_a_range_ablation_changes_one_kind_and_no_mlp(kind: str, gaps: Sequence[int]) -> None:
    found = grid(f"+sweeps=gap_{kind}")
    for other in ("spatial", "temporal", "cross"):
        expected = gaps if other == kind else [1] * 4
        assert [gap for _, gap in shares(found, other)] == list(expected)
    assert not any(settings_identity(p.settings)["rules"]["mlp_spatial"] for p in found.points)


def test_components_go_one_at_a_time() -> None:
    found = grid("+sweeps=components")
    on = [
        [kind for kind in rules if rules[kind]]
        for rules in (settings_identity(point.settings)["rules"] for point in found.points)
    ]
    everything = ["spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal"]
    assert on[0] == everything
    for kept, gone in zip(on[1:], ("spatial", "temporal", "cross", "mlp"), strict=True):
        assert kept == [kind for kind in everything if kind.split("_")[0] != gone]


@pytest.mark.slow
def test_the_fair_table_has_settings_of_every_model() -> None:
    from pab_bench.methods.published import published
    from pab_bench.methods.tgate_pab import PUBLISHED, TGatePab

    found = grid("+sweeps=table1_fair")
    by_model: dict[str, dict[str, list[object]]] = {}
    for point in found.points:
        method = point.settings.method
        assert (point.settings.model.system, point.settings.steps) in PUBLISHED
        own = by_model.setdefault(point.settings.model.system, {})
        own.setdefault(method.name, []).append(method)
    for system, own in by_model.items():
        assert {name: len(methods) for name, methods in own.items()} == {
            "pab": 4, "tgate_pab": 1, "delta_dit_pab": 1, "tgate": 1, "delta_dit": 1,
        }  # fmt: skip
        about = About(system, {"latte": 50, "open_sora": 30}.get(system, 150), None, 28, None, True)
        values = published(TGatePab(), PUBLISHED, about)
        assert all(getattr(own["tgate_pab"][0], key) == value for key, value in values.items())
    for system, preset in (("latte", "pab469"), ("open_sora", "pab579")):
        (same,) = grid(f"model={system}_mini", f"preset={preset}").points
        assert same.settings.method == by_model[system]["pab"][-1]


def test_the_fair_table_is_of_the_paper_s_models() -> None:
    with pytest.raises(ConfigError, match=r"model.system=cogvideox: .*latte, open_sora"):
        grid("contender=pab_mild", "model=cogvideox")


def test_rivals_of_a_model_that_cannot_carry_all_of_them() -> None:
    found = grid("+sweeps=rivals_static", "model=wan_mini")
    contenders = {
        dict(override.partition("=")[::2] for override in point.overrides)["contender"]: point
        for point in [*found.points, *found.refused]
    }
    assert len(contenders) == len(found.points) + len(found.refused) == 10
    for name in ("tgate", "fastercache"):
        assert "halves of the guidance batch in one call" in contenders[name].reason
    own = {name: contenders[name].settings.method for name in contenders if "own_" in name}
    assert own["own_fewer_steps"].steps == 25
    assert (own["own_delta_dit"].blocks, own["own_delta_dit"].boundary) == (4, 25)
    assert own["own_tgate_pab"].spatial_calls == (0, 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "points", "refused"),
    [
        ("latte_mini", 51, {"adacache", "dbcache", *_SEACACHE}),
        ("open_sora_mini", 51, {"adacache", "dbcache", *_SEACACHE}),
        (
            "wan_mini",
            40,
            {
                *("adacache", "pab_mild", "pab_middle", "pab_strong", "tgate_pab"),
                *("delta_dit_pab", "own_delta_dit_pab_stronger"),
                *(
                    f"{before}{name}{after}"
                    for name in ("tgate", "fastercache", "fastercache_diffusers")
                    for before, after in _EACH
                ),
            },
        ),
    ],
)
def test_all_rivals_are_points_or_say_why_not(model: str, points: int, refused: set[str]) -> None:
    found = grid("+sweeps=rivals", f"model={model}")
    assert {
        dict(o.partition("=")[::2] for o in p.overrides)["contender"] for p in found.refused
    } == (refused)
    assert all(point.reason for point in found.refused)
    identities = {str(settings_identity(point.settings)) for point in found.points}
    assert len(identities) == len(found.points) == points


def test_rivals_of_our_choice_are_named_so() -> None:
    listed = (SWEEPS / "rivals.yaml").read_text().partition(">-")[2].partition("name:")[0]
    names = [name.strip() for name in listed.split(",")]
    assert len(names) == len(set(names)) == 56
    for name in names:
        text = (CONTENDERS / f"{name}.yaml").read_text().replace("\n# ", " ")
        comment = text.partition("defaults:")[0]
        chosen = "our choice" in comment and "which sites" not in comment
        assert name.startswith("own_") == chosen, name


def test_our_share_of_tgate_s_calls_is_the_published_one_where_there_is_one() -> None:
    for model in ("latte_mini", "open_sora_mini"):
        own, published = (
            grid(f"model={model}", f"contender={name}").points[0].settings.method
            for name in ("own_tgate_pab", "tgate_pab")
        )
        assert own == published


def test_thresholds_are_those_of_every_kind() -> None:
    for point in grid("+sweeps=thresholds").points:
        rules = point.settings.method.rules
        assert rules.spatial.threshold == rules.temporal.threshold == rules.cross.threshold


def test_the_thirds_of_blocks_are_those_of_the_model() -> None:
    for model, depth in (("latte_mini", 6), ("latte", 28)):
        found = grid("+sweeps=blocks", f"model={model}").points
        ranges = [point.settings.method.rules.cross.block for point in found][::2]
        assert ranges[0] is None
        covered = [b for r in ranges[1:] if r is not None for b in range(r[0], r[1] + 1)]
        assert covered == list(range(depth))


@pytest.mark.parametrize("depth", [3, 6, 7, 28])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_cover_a_model_once(depth: int, parts: int) -> None:
    ranges = [part(depth, number, parts) for number in range(parts)]
    assert [b for first, last in ranges for b in range(first, last + 1)] == list(range(depth))


def test_the_inverted_pyramid_reuses_as_much() -> None:
    from pab_bench.engine.kinds import CROSS, SPATIAL, TEMPORAL
    from pab_bench.methods.pab_plan import make_plan

    timesteps = range(980, -1, -20)
    one, other = (
        make_plan(point.settings.method.rules, timesteps, 6, (SPATIAL, TEMPORAL, CROSS))
        for point in grid("+sweeps=pyramid_inverted").points
    )
    assert one.reuse_share() == other.reuse_share() != 0
    assert one.reuse_share("spatial") == other.reuse_share("cross")
    assert one.reuse_share("cross") == other.reuse_share("spatial")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["objectives=[]"], "objectives=[]: a search needs a metric or a cost"),
        (
            ["objectives=[lpips]"],
            "hydra.sweeper.direction=[minimize,minimize]: must have one direction for each of "
            "objectives=[lpips]",
        ),
        (
            ["hydra.sweeper.direction=[maximize,minimize]"],
            "hydra.sweeper.direction=[maximize,minimize]: lpips is better when lower: minimize",
        ),
        (["objectives=[psnr,fun]"], "objectives=fun: must be one of psnr, ssim, lpips"),
        (["objectives=[lpips,lpips]"], "objectives=[lpips,lpips]: must not name the same number"),
    ],
)
def test_a_search_that_cannot_be_meant(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        grid("+sweeps=search", *arguments)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["threshold=[800,100]"], "threshold=[800,100]: must be [low,high] timesteps"),
        (["threshold=[100]"], "threshold=[100]: must be [low,high] timesteps"),
        (["block=[3,1]"], "block=[3,1]: must be [first,last] block"),
        (["block=[-1,1]"], "block=[-1,1]: must be [first,last] block"),
    ],
)
def test_a_shared_pair_that_cannot_be_meant(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        grid("spatial_gap=2", *overrides)
    assert str(error.value).startswith(message)


def test_a_kind_keeps_what_it_says_itself() -> None:
    found = grid(
        "threshold=[200,700]", "block=[1,2]", "cross_threshold=[100,900]", "mlp_block=[0,0]"
    )
    rules = found.points[0].settings.method.rules
    assert rules.spatial.threshold == rules.temporal.threshold == (200, 700)
    assert rules.cross.threshold == (100, 900)
    assert rules.spatial.block == rules.cross.block == (1, 2)
    assert rules.mlp_spatial.block == (0, 0)  # type: ignore[union-attr]


def test_keys_that_refer_to_others_are_known_for_every_point() -> None:
    found = grid("-m", "steps=10,20", "seeds=[${steps}]", "guidance=${model.guidance}")
    assert [(p.settings.steps, p.settings.seeds) for p in found.points] == [
        (10, (10,)),
        (20, (20,)),
    ]
