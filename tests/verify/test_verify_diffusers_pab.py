import json
import shutil
from pathlib import Path

import pytest
from golden.library_methods import LibraryMethodsVerifier
from golden.library_models import LibraryModelsVerifier
from safetensors.torch import load_file, save_file

from pab_bench.verify.base import run_checks

FIXTURE = Path(__file__).parents[1] / "fixtures" / "diffusers_pab"


@pytest.fixture
def cogvideox(tmp_path):
    """A copy of the runs of one model; the model lies beside them."""
    copy = tmp_path / "copy"
    shutil.copytree(FIXTURE, copy, ignore=shutil.ignore_patterns("wan.*"))
    return copy / "pab_diffusers"


def failed(folder):
    return [c for c in run_checks(LibraryMethodsVerifier(), folder) if not c.passed]


def changed(folder, change):
    path = folder / "cogvideox.json"
    content = json.loads(path.read_text())
    change(content["runs"]["spatial2"])
    content["runs"] = {"spatial2": content["runs"]["spatial2"]}
    path.write_text(json.dumps(content))


def test_all_golden_data_is_reproduced():
    checks = run_checks(LibraryMethodsVerifier(), FIXTURE / "pab_diffusers")
    assert [c for c in checks if not c.passed] == []
    assert {(c.method, c.model) for c in checks} == {
        ("pab_diffusers", "cogvideox"),
        ("pab_diffusers", "wan"),
    }
    # Five runs, each with the last latents, three on the way, and decisions.
    assert len(checks) == 5 * 5


def test_models_without_reuse():
    checks = run_checks(LibraryModelsVerifier(), FIXTURE / "models")
    assert [(c.model, c.passed) for c in checks] == [("cogvideox", True), ("wan", True)]


def test_other_weights_are_found(cogvideox):
    path = cogvideox.parent / "models" / "cogvideox.safetensors"
    tensors = load_file(path)
    tensors["weights/proj_out.bias"] = tensors["weights/proj_out.bias"] + 1e-3
    save_file(tensors, path)
    (check,) = run_checks(LibraryModelsVerifier(), path.parent)
    assert not check.passed
    assert check.value > 1e-4


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
    latents = {f"latents_after_step_{step}" for step in (4, 8, 12)}
    assert {c.case for c in failed(cogvideox)} <= {
        f"spatial2: {what}" for what in ("final_latents", *latents, "decisions")
    }
    assert {"spatial2: final_latents", "spatial2: decisions"} <= {c.case for c in failed(cogvideox)}


def test_runs_that_mix_two_calls_are_left_out_and_do_not_pass(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(FIXTURE, copy, ignore=shutil.ignore_patterns("cogvideox.*"))
    path = copy / "pab_diffusers" / "wan.json"
    content = json.loads(path.read_text())
    kept = content["runs"]["spatial2_state_per_lane"]
    content["runs"] = {"spatial2": kept}
    path.write_text(json.dumps(content))
    checks = run_checks(LibraryMethodsVerifier(), path.parent)
    assert [(c.case, c.passed, c.failed) for c in checks[:1]] == [("spatial2", False, False)]
    assert "spatial2_state_per_lane has one for each" in checks[0].left_out
    # A folder of which nothing was compared has not passed.
    assert checks[1].failed
    assert "nothing could be checked" in checks[1].error


def test_other_folders_are_not_recognised(tmp_path):
    for verifier in (LibraryMethodsVerifier(), LibraryModelsVerifier()):
        assert not verifier.recognises(tmp_path)
        assert not verifier.recognises(FIXTURE)
    assert not LibraryMethodsVerifier().recognises(FIXTURE / "models")
    assert not LibraryModelsVerifier().recognises(FIXTURE / "pab_diffusers")


def test_the_models_of_other_methods_without_reuse():
    checks = run_checks(LibraryModelsVerifier(), FIXTURE.parent / "methods_b" / "models")
    assert [(c.model, c.passed) for c in checks] == [("cogvideox", True), ("wan", True)]
