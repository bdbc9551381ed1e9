"""What `task=describe` says of a model is what the engine keeps of it."""

import json

import pytest


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


@pytest.mark.parametrize("kind", ["spatial", "temporal", "cross"])
def test_memory_is_what_costs_predict(command, tmp_path, kind):
    path = tmp_path / "about.json"
    command("task=describe", f"json={path}", "cache.dtype=bfloat16")
    (about,) = json.loads(path.read_text())["models"]
    (group,) = (group for group in about["groups"] if group["group"] == kind)
    cost = tmp_path / "cost.json"
    window = f"{kind}_threshold=[100,700]"
    command("task=cost", f"json={cost}", f"{kind}_gap=2", window, "cache.dtype=bfloat16")
    assert group["kept_bytes"] == json.loads(cost.read_text())["cache_bytes"]
