"""Golden runs of sequence parallelism, and that a wrong one fails."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from golden.sequence_parallel import (
    SequenceParallelVerifier,
    cases_of,
    compare,
    differing,
    golden_files,
)
from golden.sequence_parallel_run import repeat_on
from golden.sequence_parallel_volumes import check_volumes
from parallel.ranks import on_ranks

from pab_bench.verify import load_verifiers, run_checks

FIXTURE = Path(__file__).parents[1] / "fixtures" / "sequence_parallel"
CASES = [c for name, content in golden_files(FIXTURE).items() for c in cases_of(name, content)]
FEW = [
    ("open_sora_frames.json", "pad"),
    ("open_sora_frames.json", "sample/a_s2t4c6"),
    ("open_sora_tokens.json", "call2"),
    ("open_sora_frames.json", "cfg_parallel/call0_one_mask_row"),
    ("latte.json", "forward_a"),
    ("open_sora_plan.json", "b_encoder_mask"),
]


def test_every_run_is_there_and_the_folder_is_told_by_its_files():
    assert len(CASES) == 70
    (verifier,) = load_verifiers().for_folder(FIXTURE)
    assert isinstance(verifier, SequenceParallelVerifier)


def test_some_golden_runs_on_two_ranks(tmp_path):
    few = [c for c in CASES if c.ranks == 2 and (c.file, c.run) in FEW]
    assert len(few) == len(FEW)
    results, _ = on_ranks(2, tmp_path, repeat_on, 2, FIXTURE, few)
    pairs = list(zip(few, results, strict=True))
    checks = [own for case, result in pairs for own in compare(case, result)]
    assert [own for own in checks if not own.passed] == []
    names = {own.case.split(": ", 1)[1] for own in checks}
    assert {"golden output", "against one rank", "among the ranks", "collectives"} <= names
    # The same results against other goldens.
    (first,) = [(c, r) for c, r in pairs if c.run == "pad"]
    case, result = first
    assert case.calls is not None
    other = replace(case, calls=((*case.calls[0][1:], case.calls[0][0]),))
    assert {own.case for own in compare(other, result) if not own.passed} == {
        "pad, 2 ranks: collectives",
        "pad, 2 ranks: collectives but the gather, of outputs",
    }


def test_one_collective_more_or_other_is_counted():
    golden = [[("all_to_all", "temporal.0.in", 2, (2, 3), 24)], []]
    assert differing(golden, golden) == 0
    assert differing([[], []], golden) == 1
    assert differing([[("all_to_all", "temporal.0.in", 2, (3, 2), 24)], []], golden) == 1
    assert differing(golden[:1], golden) == 1


def test_volumes_of_released_sizes():
    content = json.loads((FIXTURE / "volumes.json").read_text())
    checks = list(check_volumes("volumes.json", content))
    assert len(checks) == 320
    assert all(own.passed for own in checks)
    content["rows"][0]["dsp_sent_bytes"] += 1
    assert [own.passed for own in check_volumes("volumes.json", content)].count(False) == 1


@pytest.mark.slow
def test_all_golden_runs():
    checks = run_checks(SequenceParallelVerifier(), FIXTURE)
    assert len(checks) > 700
    assert [own for own in checks if not own.passed] == []
