import json
import shutil
from pathlib import Path

import pytest
from golden.latte import LatteVerifier

from pab_bench.verify.base import run_checks

FIXTURE = Path(__file__).parents[1] / "fixtures" / "latte"


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "latte"
    shutil.copytree(FIXTURE, copy)
    return copy


def only(folder, stem):
    """Leave only one file, so that a check of its format is quick."""
    for path in folder.iterdir():
        if path.stem != stem:
            path.unlink()


def test_all_golden_data_is_reproduced():
    checks = run_checks(LatteVerifier(), FIXTURE)
    assert [c for c in checks if not c.passed] == []
    # Forward passes, baseline, eight PAB runs with decisions, nine lists, three ranges, keys.
    assert len(checks) == 2 + 1 + 2 * 8 + 9 + 3 + 1


def test_one_changed_decision_is_found(folder):
    only(folder, "pab_decisions_50")
    path = folder / "pab_decisions_50.json"
    content = json.loads(path.read_text())
    digits = content["configs"]["347_no_mlp"]["decisions"]["cross"]["block_5"]
    changed = digits[:20] + ("0" if digits[20] == "1" else "1") + digits[21:]
    content["configs"]["347_no_mlp"]["decisions"]["cross"]["block_5"] = changed
    path.write_text(json.dumps(content))
    failed = [c for c in run_checks(LatteVerifier(), folder) if not c.passed]
    assert [(c.case, c.value) for c in failed] == [("347_no_mlp", 1.0)]


def test_a_changed_rule_is_found(folder):
    only(folder, "latte_tiny_pab")
    path = folder / "latte_tiny_pab.json"
    content = json.loads(path.read_text())
    content["pab"] = {name: content["pab"][name] for name in ("seed_doc_2_4_7", "paper_235")}
    content["pab"]["paper_235"]["videosys_config"]["cross_range"] = 6
    path.write_text(json.dumps(content))
    failed = {c.case for c in run_checks(LatteVerifier(), folder) if not c.passed}
    assert failed == {
        f"paper_235, {by}: {what}"
        for by in (
            "videosys",
            "diffusers_anchored_identifiers",
            "diffusers_default_identifiers",
        )
        for what in ("final latents", "decisions")
    }


def test_missing_tensors_are_failures(folder):
    (folder / "latte_tiny_pab.safetensors").unlink()
    failed = [c for c in run_checks(LatteVerifier(), folder) if not c.passed]
    assert failed
    assert "FileNotFoundError" in failed[0].error


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    (tmp_path / "b.json").write_text("{broken")
    assert not LatteVerifier().recognises(tmp_path)
