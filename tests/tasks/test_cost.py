"""The command `task=cost`, as a user runs it."""

from __future__ import annotations

import json

import pytest
from systems.diffusers.driven import save

from pab_bench.cli import main
from pab_bench.cost.conventions import CONVENTIONS

NEEDED = {"flops_baseline", "flops_method", "flops_ratio", "reuse_counts", "cache_bytes"}


def test_one_point(tmp_path, capsys):
    path = tmp_path / "made" / "cost.json"
    assert main(["task=cost", "preset=pab236", f"json={path}"]) == 0
    content = json.loads(path.read_text())
    assert set(content) >= NEEDED
    assert content["reuse_counts"] == {"spatial": 17, "temporal": 23, "cross": 28, "mlp": 10}
    assert content["flops_ratio"] == content["flops_method"] / content["flops_baseline"] < 1
    assert content["speedup_bound"] == 1 / content["flops_ratio"]
    assert content["cache_bytes"] == sum(content["cache_bytes_by_kind"].values()) > 0
    assert content["cache_bytes"] == max(content["cache_bytes_per_call"])
    assert content["convention"]["name"] == "transformer"
    assert content["text_tokens_from"] == "tokenizer"
    calls = content["flops_per_call"]
    assert len(calls["method"]) == len(calls["timesteps"]) == content["calls"] == 50
    assert sum(calls["method"]) == content["flops_method"]
    assert 50 * calls["baseline"] == content["flops_baseline"]
    by_kind = content["flops_by_kind"]
    for kind, groups in {"spatial": ["spatial"], "mlp": ["mlp_spatial", "mlp_temporal"]}.items():
        sites = sum(sum(content["flops_per_site"][group]) for group in groups)
        assert by_kind[kind]["baseline"] == 50 * sites
    printed = capsys.readouterr().out
    for text in ("17 23 28 10", "by kind", "Norms, activations", str(path)):
        assert text in printed
    # Nothing was sampled, so there is nothing to keep.
    assert not list(tmp_path.glob("**/record.json"))


def test_a_grid_in_every_convention(tmp_path, capsys):
    path = tmp_path / "grid.json"
    command = ["-m", "task=cost", "spatial_gap=1,2", "convention=all", f"json={path}"]
    assert main([*command, "broadcast_object=scores", "cache.dtype=bfloat16"]) == 0
    points = json.loads(path.read_text())["points"]
    assert [p["convention"]["name"] for p in points] == list(CONVENTIONS) * 2
    one, two = points[: len(CONVENTIONS)], points[len(CONVENTIONS) :]
    assert all("spatial_gap=1" in p["overrides"] and p["flops_ratio"] == 1 for p in one)
    assert all("spatial_gap=2" in p["overrides"] and p["flops_ratio"] < 1 for p in two)
    by_name = {p["convention"]["name"]: p["flops_baseline"] for p in one}
    assert by_name["transformer"] == 2 * by_name["macs"] > 2 * by_name["linear_macs"]
    assert by_name["transformer"] == 2 * by_name["one_prompt"] < by_name["generation"]
    assert {p["cache_bytes"] for p in one} == {0}
    assert len({p["cache_bytes"] for p in two[:-1]}) == 1
    assert two[0]["cache_dtype"] == "bfloat16"
    printed = capsys.readouterr().out
    assert all(f"convention {name}:" in printed for name in CONVENTIONS)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["convention=flops"], "convention=flops: must be one of transformer, macs"),
        (["cache.dtype=int8"], "cache.dtype=int8: must be one of float16"),
        (["cache.device=disk"], "cache.device=disk: must be one of cpu"),
        (["compile=true", "broadcast_object=scores"], "compile=true: compiled modules"),
        (
            ["model=latte", "model.repository=some/other"],
            "only maxin-cn/Latte-1 is known, or a folder",
        ),
    ],
)
def test_what_cannot_be_meant(overrides, message, capsys):
    assert main(["task=cost", *overrides]) == 2
    assert message in capsys.readouterr().err


def test_any_pipeline_without_weights(tmp_path, capsys):
    folder, path = save("wan", tmp_path / "wan"), tmp_path / "cost.json"
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    size = ["model.frames=5", "model.height=32", "model.width=32", "steps=12"]
    given = ["task=cost", "model=diffusers", f"model.path={folder}", f"json={path}", *size]
    assert main([*given, "spatial_gap=2", "threshold=[0,1001]", "convention=transformer"]) == 0
    content = json.loads(path.read_text())
    assert (content["calls"], content["lanes"], content["text_tokens"]) == (12, 2, 512)
    assert (
        content["flops_by_kind"]["spatial"]["method"]
        < (content["flops_by_kind"]["spatial"]["baseline"])
    )
    assert content["cache_bytes"] == 2 * 2 * (2 * 2 * 2) * 24 * 4  # Lanes, blocks, tokens, width.
    assert "diffusers: 2 calls of the transformer in a step" in capsys.readouterr().out
    assert main([*given, "spatial_gap=2", "threshold=[0,1001]", "convention=one_prompt"]) == 0
    assert 2 * json.loads(path.read_text())["flops_baseline"] == content["flops_baseline"]
