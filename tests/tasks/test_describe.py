"""What `task=describe` says of a model is what the engine keeps of it."""

import json
import shutil

import pytest
from systems.diffusers.driven import save

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.errors import BAD_CONFIGURATION
from pab_bench.systems.registry import get_blueprint
from pab_bench.tasks.describe_work import from_blueprint, from_model


def test_sites_windows_and_memory(command, tmp_path, capsys):
    path = tmp_path / "about.json"
    assert command("task=describe", f"json={path}") == 0
    (about,) = json.loads(path.read_text())["models"]
    assert [group["group"] for group in about["groups"]] == [
        "spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal"
    ]  # fmt: skip
    assert {group["sites"] for group in about["groups"]} == {6}
    assert about["lanes"] == 1
    assert about["timesteps"] == [830, 664, 498, 332, 166, 0]
    assert about["windows"]["spatial"] == {
        "window": [100, 700],
        "steps_inside": 4,
        "timesteps_inside": [664, 166],
    }
    (notice,) = about["notices"]
    assert notice.startswith("steps=6: with fewer than 10")
    shown = capsys.readouterr().out
    assert "4 of 6" in shown
    assert "calls of the transformer in a step: 1" in shown


def test_memory_is_what_costs_predict(command, tmp_path):
    path = tmp_path / "about.json"
    command("task=describe", f"json={path}", "cache.dtype=bfloat16")
    (about,) = json.loads(path.read_text())["models"]
    kept = {group["group"]: group["kept_bytes"] for group in about["groups"]}
    for kind in ("spatial", "temporal", "cross"):
        cost = tmp_path / f"{kind}.json"
        window = f"{kind}_threshold=[100,700]"
        command("task=cost", f"json={cost}", f"{kind}_gap=2", window, "cache.dtype=bfloat16")
        assert kept[kind] == json.loads(cost.read_text())["cache_bytes"], kind


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Describes a folder by the command line, as it is."""
    monkeypatch.chdir(tmp_path)

    def typed(folder, *arguments):
        path = tmp_path / "about.json"
        size = ["model.frames=9", "model.height=32", "model.width=32", "steps=12"]
        given = ["task=describe", "model=diffusers", f"model.path={folder}", f"json={path}"]
        assert main([*given, *size, *arguments]) == 0
        return json.loads(path.read_text())["models"][0]

    return typed


def test_configurations_are_enough(described, tmp_path, capsys):
    whole = save("ltx", tmp_path / "whole")
    bare = shutil.copytree(
        whole, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors", "tokenizer")
    )
    about = described(bare)
    assert about == described(whole)
    assert about["known_from"] == "configurations"
    assert about["lanes"] == 1
    assert about["text_tokens"] == 128
    assert about["notices"] == []
    assert [group["sites"] for group in about["groups"]] == [2, 2, 2]
    sites = sum(group["flops"] for group in about["groups"])
    assert about["flops_step"] == sites + about["flops_rest"]
    assert 0 < about["flops_rest"] < sites
    shown = capsys.readouterr().out
    assert "outside of all sites" in shown
    assert max(map(len, map(str.rstrip, shown.splitlines()))) <= 100


def test_weights_say_the_same(saved_settings):
    settings = saved_settings
    by_weights = from_model(settings)
    by_shapes = from_blueprint(settings, get_blueprint(settings.model, settings.dtype))
    assert by_weights.kept_bytes == by_shapes.kept_bytes
    assert by_weights.parameters == by_shapes.parameters
    assert by_weights.timesteps == by_shapes.timesteps
    assert (by_weights.lanes, by_shapes.lanes) == (2, 2)
    assert by_weights.flops_step is None


@pytest.fixture
def saved_settings(tmp_path):
    """Of a tiny pipeline with two calls in a step."""
    size = {"model.frames": 5, "model.height": 32, "model.width": 32}
    path = {"model.path": str(save("wan", tmp_path / "wan"))}
    return compose(model="diffusers", steps=4, device="cpu", **size, **path)


def test_neither_is_here(tmp_path, capsys):
    folder = save("ltx", tmp_path / "ltx")
    (folder / "text_encoder" / "config.json").write_text('{"d_model": "wide"}')
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    assert main(["task=describe", "model=diffusers", f"model.path={folder}"]) == BAD_CONFIGURATION
    said = capsys.readouterr().err
    assert "its cost is not known without weights: text_encoder: " in said
    assert "missing: " in said
