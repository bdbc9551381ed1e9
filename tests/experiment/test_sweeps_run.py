"""Every ready experiment for real, in small."""

import pytest
from experiment.conftest import TINY

from pab_bench.config import hydra_setup
from pab_bench.config.paths import SWEEPS
from pab_bench.config.preflight import preflight
from pab_bench.experiment.point import make_point

# Their task is `cost` or `scaling`.
NOT_SAMPLED = {"paper_flops", "paper_flops_latte", "table4", "scaling"}
OTHER_MODELS = {"table1_open_sora", "table1_open_sora_plan"}
# Settings of its experiments are calls of so many steps; what is audited may reuse nothing.
OWN_STEPS = {"table1_fair", "audit_diffusers", "rivals_static"}
NAMES = sorted({path.stem for path in SWEEPS.glob("*.yaml")} - NOT_SAMPLED - OWN_STEPS - {"search"})
PROMPT = TINY[0]
ONE_OF_EACH = ("blocks", "broadcast_object", "gap_spatial", "table1_latte", "thresholds")
"""Each sweeps something else; the others sweep the same in another way."""


def points(name, tmp_path):
    hydra_setup.register()
    small = [] if name in OTHER_MODELS else ["model.height=32", "model.width=32"]
    lines = [
        f"+sweeps={name}", "steps=8", "metrics.names=[psnr]", "record.curves=false", PROMPT,
        f"results_dir={tmp_path}", *small,
    ]  # fmt: skip
    return preflight(hydra_setup.argument_parser().parse_args(lines)).points


def run(point, tmp_path):
    made = make_point(point.settings, tmp_path / "run")
    record = made.record
    assert record.status == "ok", record.error
    assert record.baseline_id == made.baseline.id
    return record


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One store for all, so that their baseline is sampled once."""
    return tmp_path_factory.mktemp("results")


@pytest.mark.parametrize(
    "name",
    [
        name if name in ONE_OF_EACH else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
        if name not in OTHER_MODELS
    ],
)
def test_the_last_point(name, results, tmp_path):
    assert run(points(name, results)[-1], tmp_path).plan["reuse_share"]["all"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_points(name, tmp_path):
    records = [run(point, tmp_path) for point in points(name, tmp_path)]
    assert len({record.id for record in records}) == len(records)
    assert len({record.baseline_id for record in records}) == 1
