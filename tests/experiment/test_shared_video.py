"""Ranks that share a video: compared before and behind it, and named when they are lost."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from parallel.models import transformer
from parallel.ranks import on_ranks

from pab_bench.config.rank_sections import ParallelSettings
from pab_bench.experiment.shared_video import (
    check_facts,
    check_heads,
    facts_of_rank,
    layout_for,
    shared_video,
)
from pab_bench.parallel.refused import ParallelRefused, RanksDiffer

ROOT = Path(__file__).parents[2]
COMMON = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "seeds=[0]",
    "steps=6",
    "spatial_gap=2",
    "temporal_gap=3",
    "threshold=[100,700]",
    "metrics.names=[psnr]",
    "record.videos=false",
    "speed.calls=false",
    "threads=1",
]
MINUTE = 60


def two_ranks_compare(rank: int) -> list[str]:
    """What each comparison says; nothing where it passes."""
    with torch.random.fork_rng():
        model = transformer("open_sora")
    said = []

    def tell(function, *arguments):
        try:
            function(*arguments)
            said.append("")
        except RanksDiffer as error:
            said.append(str(error))

    def everyones_facts():
        found = [None, None]
        dist.all_gather_object(found, facts_of_rank([model], "cpu", 1))
        check_facts(found)

    tell(everyones_facts)
    if rank == 1:
        with torch.no_grad():
            model.x_embedder.proj.weight[0, 0, 0, 0, 0] += 1e-3
    tell(everyones_facts)
    with shared_video(ParallelSettings("dsp")) as shared:
        tell(shared._compare, [1, 2, 3], "latents")
        tell(shared._compare, [1, 2 + rank, 3], "latents")
        tell(shared._compare, [1, 2, 3], f"latents {rank}")
    return said


def test_ranks_with_other_weights_inputs_or_latents_are_named(tmp_path):
    first, second = on_ranks(2, tmp_path, two_ranks_compare)
    assert first == second
    same, weights, inputs_same, inputs, latents = first
    assert (same, inputs_same) == ("", "")
    assert weights.startswith("rank 1 differs from rank 0: weights ")
    assert weights.endswith("; nothing was sampled")
    assert "rank 1 was given something else than rank 0 at call 1" in inputs
    assert "rank 1 ends with other latents than rank 0" in latents


def test_other_versions_are_named():
    facts = [{"version of torch": "2.13"}, {"version of torch": "2.13"}, {"version of torch": "2"}]
    with pytest.raises(RanksDiffer, match=r"rank 2 .*version of torch 2 \(rank 0: 2.13\)"):
        check_facts(facts)
    check_facts(facts[:2])


def test_models_without_a_layout_are_refused_by_name():
    with pytest.raises(ParallelRefused, match="Linear cannot be split: there is no layout of it"):
        layout_for(torch.nn.Linear(1, 1), ParallelSettings("dsp"), 2)
    planned = type("OtherTransformer", (torch.nn.Linear,), {"_cp_plan": {"": {}}})(1, 1)
    with pytest.raises(ParallelRefused, match=r"OtherTransformer .*its plan in diffusers was not"):
        layout_for(planned, ParallelSettings("ulysses"), 2)


def test_heads_matter_where_they_are_shared_out():
    check_heads(6, "dsp", 4)
    check_heads(6, "ulysses", 3)
    with pytest.raises(ParallelRefused, match="4 ranks cannot share 6 heads; 2, 3, 6 can"):
        check_heads(6, "megatron_sp", 4)


def environment(**others):
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **others}


def torchrun(ranks, *command, **others):
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    return subprocess.run(
        [sys.executable, *start, *command],
        capture_output=True,
        text=True,
        timeout=400,
        env=environment(**others),
    )


def by_hand(ranks, *command, **others):
    """Ranks that nobody watches, as a cluster's scheduler starts them: rank 0 and its output."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    where = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(RANK=str(rank), LOCAL_RANK=str(rank), **where, **others),
        )
        for rank in range(ranks)
    ]
    try:
        output, _ = processes[0].communicate(timeout=400)
        return processes[0].returncode, output
    finally:
        for process in processes:
            process.kill()
            process.wait()


def records(folder):
    found = [json.loads(path.read_text()) for path in folder.glob("points/*/record.json")]
    return {record["is_baseline"]: record for record in found}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ranks", "overrides"),
    [
        (2, ["parallel=dsp"]),
        (3, ["model=latte_mini", "parallel=dsp", "parallel.split=tokens"]),
        (2, ["model=latte_mini", "parallel=ulysses"]),
        (2, ["model=latte_mini", "parallel=megatron_sp"]),
        (4, ["parallel=dsp", "parallel.guidance=true"]),
    ],
)
def test_torchrun_gives_what_one_process_gives(tmp_path, ranks, overrides):
    model = [] if overrides[0].startswith("model") else ["model=open_sora_mini"]
    arguments = [*COMMON, *model, *overrides]
    alone = [line for line in arguments if not line.startswith("parallel")]
    done = torchrun(ranks, "-m", "pab_bench", *arguments, f"results_dir={tmp_path / 'together'}")
    assert done.returncode == 0, done.stdout + done.stderr
    single = [sys.executable, "-m", "pab_bench", *alone, f"results_dir={tmp_path / 'alone'}"]
    subprocess.run(single, check=True, timeout=400, env=environment(), capture_output=True)
    together, alone = records(tmp_path / "together"), records(tmp_path / "alone")
    for is_baseline, record in together.items():
        exactly = overrides[-1] == "parallel=dsp" or "parallel.split=tokens" in overrides
        ours, theirs = record["inputs"][0]["latents"], alone[is_baseline]["inputs"][0]["latents"]
        assert ours == theirs or not exactly
        assert record["communication"]
    ours, theirs = (found[False]["quality"]["psnr_db"]["value"] for found in (together, alone))
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert {**together[False]["config"]["parallel"]}["ranks"] == ranks
    folder = tmp_path / "together" / "points" / together[False]["id"]
    assert (folder / "communication.parquet").exists()


FAULTS = str(ROOT / "tests" / "experiment" / "faulty_rank.py")


@pytest.mark.slow
def test_a_killed_rank_ends_the_run_with_its_number(tmp_path):
    began = time.monotonic()
    arguments = [*COMMON, "model=open_sora_mini", "parallel=dsp", f"results_dir={tmp_path}"]
    done = torchrun(2, FAULTS, *arguments, FAULT="1:kill")
    print(done.stderr)
    assert done.returncode != 0
    assert "rank      : 1 (local_rank: 1)" in done.stderr
    assert time.monotonic() - began < 5 * MINUTE  # Starting takes most of it where others work.


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["1:kill", "1:stop", "2:stop"], ids=lambda f: f.replace(":", "-"))
def test_a_lost_rank_is_named_where_nobody_watches(tmp_path, fault):
    options = ["parallel=dsp", "parallel.timeout_s=15", f"results_dir={tmp_path}"]
    arguments = [*COMMON, "model=open_sora_mini", *options]
    status, output = by_hand(3, FAULTS, *arguments, FAULT=fault)
    assert status == 1, output
    assert f"rank {fault[0]} has died, or has stopped answering" in output


@pytest.mark.slow
def test_a_failing_rank_is_the_one_that_is_told_of(tmp_path):
    options = ["parallel=dsp", "parallel.timeout_s=15", f"results_dir={tmp_path}"]
    arguments = [*COMMON, "model=open_sora_mini", *options]
    status, output = by_hand(2, FAULTS, *arguments, FAULT="1:raise")
    assert status == 1, output
    assert "rank 1: no memory on this rank" in output


@pytest.mark.slow
def test_other_weights_are_told_before_anything_is_sampled(tmp_path):
    arguments = [*COMMON, "model=open_sora_mini", "parallel=dsp", f"results_dir={tmp_path}"]
    status, output = by_hand(2, FAULTS, *arguments, FAULT="1:weights")
    assert status == 1, output
    assert "rank 1 differs from rank 0: weights" in output
    assert "nothing was sampled" in output
