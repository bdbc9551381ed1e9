import json
import shutil
from pathlib import Path

import pytest
from golden.diffusers_pab import DiffusersPabVerifier

from pab_bench.verify.base import run_checks

FIXTURE = Path(__file__).parents[1] / "fixtures" / "diffusers_pab"


@pytest.fixture
def cogvideox(tmp_path):
    """A copy of the runs of one model."""
    copy = tmp_path / "copy"
    shutil.copytree(FIXTURE, copy, ignore=shutil.ignore_patterns("wan.*"))
    return copy


def failed(folder):
    return [c for c in run_checks(DiffusersPabVerifier(), folder) if not c.passed]


def changed(folder, change):
    path = folder / "pab_diffusers" / "cogvideox.json"
    content = json.loads(path.read_text())
    change(content["runs"]["spatial2"])
    content["runs"] = {"spatial2": content["runs"]["spatial2"]}
    path.write_text(json.dumps(content))


def test_all_golden_data_is_reproduced():
    checks = run_checks(DiffusersPabVerifier(), FIXTURE)
    assert [c for c in checks if not c.passed] == []
    # Two baselines; latents at the end and on the way, and decisions, of three runs and of two.
    assert len(checks) == 2 + 3 * (3 + 2)


def test_one_changed_decision_is_found(cogvideox):
    def change(run):
        (entry,) = run["decisions"]["self"]["both"]
        entry["calls"] = entry["calls"].replace("20", "22", 1)

    changed(cogvideox, change)
    assert [(c.case, c.value) for c in failed(cogvideox)] == [("spatial2: decisions", 5.0)]


def test_a_changed_window_is_found(cogvideox):
    def change(run):
        run["config"]["spatial_attention_timestep_skip_range"] = [100, 600]

    changed(cogvideox, change)
    assert {c.case for c in failed(cogvideox)} == {
        f"spatial2: {what}" for what in ("final latents", "on the way", "decisions")
    }


def test_other_folders_are_not_recognised(tmp_path):
    assert not DiffusersPabVerifier().recognises(tmp_path)
    assert not DiffusersPabVerifier().recognises(FIXTURE / "models")
