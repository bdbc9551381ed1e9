import json
import shutil
from pathlib import Path

import pytest
import torch
from golden.open_sora_vae import OpenSoraVaeVerifier
from safetensors.torch import load_file, save_file

from pab_bench.verify.base import run_checks
from pab_bench.verify.registry import load_verifiers

FIXTURE = Path(__file__).parents[1] / "fixtures" / "open_sora"
FILES = ("facts.json", "vae_keys_full.json", "vae_tiny.json", "vae_tiny.safetensors")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        shutil.copy(FIXTURE / name, tmp_path)
    return tmp_path


def failures(folder):
    return [c for c in run_checks(OpenSoraVaeVerifier(), folder) if not c.passed]


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_tensors(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_all_golden_data_is_reproduced():
    checks = run_checks(OpenSoraVaeVerifier(), FIXTURE)
    assert [c for c in checks if not c.passed] == []
    facts = json.loads((FIXTURE / "facts.json").read_text())
    texts, lengths = facts["text"]["prompt_examples"], facts["latent_T_examples"]
    # Two decoded cases of four checks, three encoded ones; keys, parameters, norms.
    assert len(checks) == len(facts["size_table"]) + len(texts) + len(lengths) + 1 + 11 + 6


def test_it_is_registered_and_leaves_other_folders_alone(tmp_path):
    assert "open_sora_vae" in [v.name for v in load_verifiers().for_folder(FIXTURE)]
    (tmp_path / "a.json").write_text("[1, 2]")
    (tmp_path / "b.json").write_text("{broken")
    assert not OpenSoraVaeVerifier().recognises(tmp_path)
    assert not OpenSoraVaeVerifier().recognises(FIXTURE.parent / "latte")


def test_a_changed_weight_is_found(folder):
    def change(tensors):
        tensors["weights/temporal_vae.encoder.conv2.conv.bias"] += 0.01

    change_tensors(folder / "vae_tiny.safetensors", change)
    assert {c.case for c in failures(folder)} == {"encode17: moments", "encode6: moments"}


@pytest.mark.parametrize(
    ("key", "value", "cases"),
    [
        ("micro_frame_size", 13, {"frames18: temporal decoding", "frames18: video"}),
        ("micro_batch_size", 1, set()),
        ("spatial_latent_factor", 0.13025, {"frames18: video", "spatial_encode: spatial encoding"}),
    ],
)
def test_settings_are_taken_from_the_file(folder, key, value, cases):
    change_json(folder / "vae_tiny.json", lambda content: content.update({key: value}))
    found = failures(folder)
    assert cases <= {c.case for c in found}
    assert bool(cases) == bool(found)


def test_other_cases_are_taken_from_the_file(folder):
    def rename(tensors):
        for name in [n for n in tensors if n.startswith("frames18/")]:
            tensors[name.replace("frames18", "other")] = tensors.pop(name)

    change_tensors(folder / "vae_tiny.safetensors", rename)
    assert {c.case for c in failures(folder)} >= {"frames18", "other: video"}
    change_json(
        folder / "vae_tiny.json",
        lambda content: content["cases"].update(other=content["cases"].pop("frames18")),
    )
    assert failures(folder) == []


def test_tensors_that_no_rule_covers_are_failures(folder):
    path = folder / "vae_tiny.safetensors"
    change_tensors(path, lambda tensors: tensors.update({"strange/thing": torch.zeros(1)}))
    assert [(c.case, c.error) for c in failures(folder)] == [
        ("strange", "unknown tensors ['thing']")
    ]


def test_missing_tensors_do_not_hide_the_other_files(folder):
    (folder / "vae_tiny.safetensors").unlink()
    checks = run_checks(OpenSoraVaeVerifier(), folder)
    assert [(c.file, c.case) for c in checks if not c.passed] == [("vae_tiny.json", "tensors")]
    assert {c.file for c in checks} == {"facts.json", "vae_keys_full.json", "vae_tiny.json"}


def test_changed_facts_and_keys_are_found(folder):
    def change_facts(facts):
        facts["size_table"][0][4] += 8
        facts["text"]["prompt_examples"][1]["cleaned"] += "!"
        facts["latent_T_examples"]["18"] = 5

    def change_keys(content):
        content["keys"]["shift"] = [1, 5, 1, 1, 1]
        content["parameters"]["total"] += 1

    change_json(folder / "facts.json", change_facts)
    change_json(folder / "vae_keys_full.json", change_keys)
    assert {(c.file, c.value) for c in failures(folder)} == {
        ("facts.json", 1.0),
        ("vae_keys_full.json", 2.0),
        ("vae_keys_full.json", 1.0),
    }
