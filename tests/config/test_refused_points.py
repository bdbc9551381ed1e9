"""Grid points that cannot be, where the others are wanted nevertheless."""

from __future__ import annotations

import pytest

from pab_bench.config import hydra_setup
from pab_bench.config.grid import Grid
from pab_bench.config.preflight import preflight
from pab_bench.cost.table import point_names
from pab_bench.errors import ConfigError


def grid(*arguments: str) -> Grid:
    hydra_setup.register()
    return preflight(hydra_setup.argument_parser().parse_args(arguments))


MIXED = ("-m", "method=delta_dit,fora,fewer_steps")


def test_they_are_told_apart_by_their_place_in_the_grid() -> None:
    found = grid(*MIXED, "on_refused=row")
    assert [(p.number, p.settings.method.name) for p in found.points] == [(1, "fora")]
    assert [p.number for p in found.refused] == [0, 2]
    first, last = (p.reason for p in found.refused)
    assert "method.blocks=null: nothing was published" in first
    assert "method.boundary=null" in first
    assert "contender=own_fewer_steps" in last
    assert [number for number, _ in point_names(found.points).values()] == [1]


def test_where_a_file_s_expression_has_no_value() -> None:
    found = grid("-m", "contender=pab_mild", "model=latte_mini,wan_mini", "on_refused=row")
    assert [p.settings.model.name for p in found.points] == ["latte_mini"]
    assert "model.system=wan" in found.refused[0].reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (MIXED, "in 1 of 3 grid points"),
        (("-m", "method=delta_dit,fewer_steps", "on_refused=row"), "method.steps=null"),
        (("method=fewer_steps", "on_refused=row"), "method.steps=null"),
        # An override that is wrong by itself is a slip of the hand, not a point that cannot be.
        ((*MIXED, "on_refused=row", "spatial_gap=x"), "spatial_gap=x: must be a whole number"),
        ((*MIXED, "on_refused=rows"), "on_refused=rows"),
    ],
)
def test_all_else_stops_the_command(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        grid(*arguments)
    assert message in str(caught.value)
