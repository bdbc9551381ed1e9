"""From the command line to a preset, on the embedded Latte with few steps."""

import json

import pytest

from pab_bench.cli import main

SMALL = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "steps=8",
    "metrics.names=[lpips,psnr]",
    "record.videos=false",
    "record.curves=false",
]


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = main(["task=advise", *arguments, *SMALL])
        pages = sorted((tmp_path / "results" / "advice").glob("*/advice.json"))
        return status, [(path.parent, json.loads(path.read_text())) for path in pages]

    return run


def test_without_a_target_nothing_is_sampled(command, capsys, tmp_path):
    assert main(["task=advise", *SMALL]) == 2
    assert "advise.max_lpips=0.01" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_advice_is_proven_kept_and_usable(command, capsys):
    status, ((folder, advice),) = command("advise.max_lpips=0.1", "advise.budget=4")
    assert status == 0
    chosen = advice["recommended"]
    assert chosen["measured"]["lpips"] <= 0.1
    assert 0 < chosen["flops_ratio"] < 1
    assert advice["videos"] == advice["videos_sampled_now"] == 2 + len(advice["trials"]) <= 6
    assert advice["kinds"] == ["spatial", "temporal", "cross", "mlp"]
    assert all(trial["predicted"] for trial in advice["trials"][1:])
    assert "**Recommended**" in (folder / "advice.md").read_text()
    assert (folder / "advice.png").stat().st_size > 1000
    front = [member["predicted"]["lpips"] for member in advice["front"]]
    assert front == sorted(front)
    preset = folder / "preset.yaml"
    assert main(["task=cost", f"pab_file={preset}", f"json={folder / 'cost.json'}", *SMALL]) == 0
    cost = json.loads((folder / "cost.json").read_text())
    assert cost["flops_ratio"] == pytest.approx(chosen["flops_ratio"])
    assert str(preset) in capsys.readouterr().out

    _, ((_, again),) = command("advise.max_lpips=0.1", "advise.budget=4")
    assert again["videos_sampled_now"] == 0
    assert again["trials"] == [{**trial, "was_there": True} for trial in advice["trials"]]


@pytest.mark.slow
def test_a_memory_limit_and_rules_to_beat(command):
    _, ((_, advice),) = command(
        "preset=pab_document", "advise.budget=3", "advise.max_cache_gb=0.001"
    )
    assert advice["target"]["to_beat"]
    assert advice["trials"][0]["name"] == "to beat"
    assert advice["trials"][0]["measured"]["lpips"] == advice["target"]["worst"]["lpips"]
    assert all(member["cache_bytes_at_most"] <= 10**6 for member in advice["front"])
    chosen = advice["recommended"]
    assert chosen is None or chosen["cache_bytes"] <= 10**6


@pytest.mark.slow
def test_a_speedup_that_pndm_must_reach(command):
    lines = ["model=open_sora_plan_mini", "advise.min_speedup=1.2", "advise.budget=3"]
    status, ((_, advice),) = command(*lines)
    assert advice["calls"] == 8 + 9
    assert status == 0
    assert advice["recommended"]["operations_speedup"] >= 1.2


@pytest.mark.slow
def test_methods_beside_pab_meet_the_target_too(command):
    lines = ["advise.max_lpips=0.1", "advise.budget=3", "advise.methods=[pab,fora,fewer_steps]"]
    status, ((folder, advice),) = command(*lines)
    assert status == 0
    rows = advice["methods"]["ranked"]
    assert {row["method"] for row in rows} <= {"pab", "fora", "fewer_steps"}
    assert all(row["measured"]["lpips"] <= 0.1 for row in rows)
    assert [row["flops_ratio"] for row in rows] == sorted(row["flops_ratio"] for row in rows)
    sampled = [one["method"] for one in advice["methods"]["sampled"]]
    assert 1 <= sampled.count("fora") <= 3
    assert "## Methods" in (folder / "advice.md").read_text()
