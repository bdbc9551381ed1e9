import json
import shutil
from pathlib import Path

import pytest
import torch
from golden.open_sora_plan import OpenSoraPlanVerifier, read_goldens
from golden.open_sora_plan_vae import parse_tiling
from safetensors.torch import load_file, save_file

from pab_bench.systems.open_sora_plan.vae_tiling import Tiling
from pab_bench.verify.base import run_checks

FIXTURES = Path(__file__).parents[1] / "fixtures"
FIXTURE = FIXTURES / "open_sora_plan"


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "open_sora_plan"
    shutil.copytree(FIXTURE, copy)
    return copy


def only(folder, *stems):
    """Leave only some files, so that a check of one format is quick."""
    for path in folder.iterdir():
        if path.stem not in stems:
            path.unlink()


def failures(folder):
    return {c.case: c for c in run_checks(OpenSoraPlanVerifier(), folder) if not c.passed}


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_all_golden_data_is_reproduced():
    checks = run_checks(OpenSoraPlanVerifier(), FIXTURE)
    assert [c for c in checks if not c.passed] == []
    # PAB; decisions; cleaned prompts; timesteps, calls, PNDM alone and text features.
    assert len(checks) == 3 + 3 + 5 + 6


def test_a_changed_rule_changes_latents_and_decisions(folder):
    only(folder, "pab", "sampler", "latte_t2v_tiny")

    def other_mlp(content):
        keys = content["configs"]["d_246_mlp"]["config"]["mlp_spatial_broadcast_config"]
        keys["700"]["skip_count"] = 4

    change(folder / "pab.json", other_mlp)
    assert set(failures(folder)) == {"d_246_mlp: final_latents", "d_246_mlp: decisions"}


def test_changed_decisions_and_counters_are_found(folder):
    only(folder, "pab_decisions_150")
    path = folder / "pab_decisions_150.json"
    change(path, lambda content: content.update(counter_modulus=159))
    # The first video does not show it: its last nine calls lie outside the window.
    assert set(failures(folder)) == {
        "357_default_mlp: upstream's second video is two videos counted as one"
    }
    change(path, lambda content: content.update(counter_modulus=150))
    assert failures(folder) == {}

    def flip(content):
        blocks = content["configs"]["357_default_mlp"]["first_video"]["cross"]
        digits = blocks["block_5"]
        blocks["block_5"] = digits[:60] + ("0" if digits[60] == "1" else "1") + digits[61:]

    change(path, flip)
    assert [(c.case, c.value) for c in failures(folder).values()] == [
        ("357_default_mlp: decisions", 1.0)
    ]


def test_a_changed_prompt_is_found(folder):
    only(folder, "prompt_cleaning")
    path = folder / "prompt_cleaning.json"
    change(path, lambda content: content["pairs"][0].update(cleaned="sunset"))
    assert list(failures(folder)) == ["0: sunset"]


def test_changed_timesteps_are_found(folder):
    only(folder, "sampler", "latte_t2v_tiny")
    change(folder / "sampler.json", lambda content: content["timesteps_10"].reverse())
    change(folder / "sampler.json", lambda content: content["model_calls"].update({"150": 150}))
    assert set(failures(folder)) == {"timesteps_10", "calls of 150 steps"}


def test_forward_calls_and_intermediates(folder):
    """Formats that the reduced fixture leaves out, recorded here by our own model."""
    from golden import open_sora_plan_transformer as checks

    only(folder, "latte_t2v_tiny")
    path = folder / "latte_t2v_tiny.json"
    content = json.loads(path.read_text())
    content["released_config"] = content["constructor_kwargs"] | {"attention_head_dim": 4}
    call = {"enable_temporal_attentions": True, "use_image_num": 0}
    content["calls"] = {"one": call}
    tensors = load_file(path.with_suffix(".safetensors"))
    generator = torch.Generator().manual_seed(0)
    tensors |= {
        "inputs/one/hidden_states": torch.randn(1, 4, 17, 4, 4, generator=generator),
        "inputs/one/timestep": torch.tensor([500]),
        "inputs/one/encoder_hidden_states": torch.randn(1, 3, 32, generator=generator),
    }
    model = checks.load_transformer(content, tensors)
    tensors["outputs/one"] = checks.call_transformer(model, call, tensors, "one")
    for name in ("dim16_grid_h3_w5_base8_scale2", "full_65x64x64_spatial_rows_0_3"):
        tensors[f"position/{name}"] = checks.position_table(name, content).contiguous()
    tensors["position/full_221x64x64_temporal_rows_0_55"] = torch.zeros(2, 12)
    save_file(tensors, path.with_suffix(".safetensors"))
    path.write_text(json.dumps(content))
    what = {"what": "forward call one of latte_t2v_tiny", "keys": {}, "identity": "", "layout": {}}
    (folder / "inside.json").write_text(json.dumps(what))
    changed = {"caption_projection_out": torch.zeros(1, 3, 48), "elsewhere": torch.zeros(1)}
    save_file(changed, folder / "inside.safetensors")
    results = run_checks(OpenSoraPlanVerifier(), folder)
    assert {c.case for c in results if c.passed} == {
        "forward one",
        "positions dim16_grid_h3_w5_base8_scale2",
        "positions full_65x64x64_spatial_rows_0_3",
    }
    wrong = {c.case: c for c in results if not c.passed}
    assert wrong["caption_projection_out"].value == pytest.approx(float("inf"))
    assert wrong["elsewhere"].error == "not among what is observed"
    assert wrong["positions full_221x64x64_temporal_rows_0_55"].value == pytest.approx(1, abs=0.1)


def test_words_of_tilings():
    text = "tile_sample_min_size 32, tile_latent_min_size 4, tile_sample_min_size_t 9, x 3, y 0.25"
    assert parse_tiling(text) == Tiling(32, 4, 9, 3)
    assert parse_tiling("a 256, b 32, c 65, d 17, overlap 0.5: 3x3 tiles").overlap == 0.5
    with pytest.raises(ValueError, match="five numbers"):
        parse_tiling("sizes 1, 2")


def test_missing_and_broken_files_are_failures(folder):
    only(folder, "pab", "sampler", "prompt_cleaning")
    (folder / "sampler.safetensors").unlink()
    wrong = failures(folder)
    assert "FileNotFoundError" in wrong["sampler"].error
    assert wrong["pab"].error
    assert len(run_checks(OpenSoraPlanVerifier(), folder)) == 2 + 5


def test_files_are_told_by_their_content():
    kinds = {kind: len(files) for kind, files in read_goldens(FIXTURE).files.items()}
    assert kinds == {"forward": 1, "sampler": 1, "pab": 1, "decisions": 1, "cleaning": 1}


@pytest.mark.parametrize("other", ["latte", "metrics", "open_sora"])
def test_other_folders_are_not_recognised(other):
    assert not OpenSoraPlanVerifier().recognises(FIXTURES / other)
