import json
import shutil
from pathlib import Path

import pytest
import torch
from golden.open_sora import OpenSoraVerifier
from safetensors.torch import load_file, save_file

from pab_bench.verify.base import run_checks

FIXTURE = Path(__file__).parents[1] / "fixtures" / "open_sora"


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "open_sora"
    shutil.copytree(FIXTURE, copy)
    return copy


def failed(folder):
    return {(c.file, c.case) for c in run_checks(OpenSoraVerifier(), folder) if not c.passed}


def test_all_golden_data_is_reproduced():
    checks = run_checks(OpenSoraVerifier(), FIXTURE)
    assert [c for c in checks if not c.passed] == []
    assert len(checks) == 97


def test_a_changed_weight_is_found(folder):
    path = folder / "stdit3_tiny.safetensors"
    tensors = load_file(path)
    name = "weights/temporal_blocks.1.cross_attn.proj.bias"
    tensors[name] = tensors[name] + 1e-3
    save_file(tensors, path)
    files = {file for file, _ in failed(folder)}
    assert files == {
        "stdit3_tiny.json",
        "stdit3_intermediates.json",
        "rflow.json",
        "pab.json",
    }


def test_one_changed_decision_is_found(folder):
    path = folder / "pab.json"
    content = json.loads(path.read_text())
    lines = content["configs"]["m_mlp"]["10"]["decisions"]
    changed = next(i for i, line in enumerate(lines) if i > 100 and line.endswith("compute"))
    lines[changed] = lines[changed].replace("compute", "reuse")
    path.write_text(json.dumps(content))
    assert failed(folder) == {("pab.json", "m_mlp, 10 steps: decisions")}


def test_a_changed_rule_is_found(folder):
    path = folder / "pab.json"
    content = json.loads(path.read_text())
    content["configs"]["x_exact_bounds"]["config"]["10"]["spatial_threshold"][0] -= 1
    path.write_text(json.dumps(content))
    assert failed(folder) == {
        ("pab.json", f"x_exact_bounds, 10 steps: {what}") for what in ("latents_final", "decisions")
    }


def test_missing_files_are_failures(folder):
    (folder / "rflow.safetensors").unlink()
    assert any("FileNotFoundError" in c.error for c in run_checks(OpenSoraVerifier(), folder))


def test_golden_weights_are_float32():
    tensors = load_file(FIXTURE / "stdit3_tiny.safetensors")
    assert {t.dtype for n, t in tensors.items() if n.startswith("weights/")} == {torch.float32}
