"""Our ranks: processes that share each golden run as upstream's did."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
import torch.distributed as dist
from golden.sequence_parallel import AGAINST_ONE_RANK, Case
from golden.sequence_parallel_models import Golden, golden_of
from torch.multiprocessing.spawn import spawn

from pab_bench.parallel.attach import Parallel, Ranks
from pab_bench.parallel.groups import make_ranks
from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.registry import layout_of
from pab_bench.verify.base import max_absolute_difference, relative_l2

_TIMEOUT = timedelta(minutes=5)


def repeat_all(folder: Path, cases: Sequence[Case]) -> Iterator[tuple[Case, Mapping[str, Any]]]:
    """Start as many processes as the largest case has ranks, and let them do every case."""
    ranks = max(case.ranks for case in cases)
    with tempfile.TemporaryDirectory() as temporary:
        arguments = ranks, folder, list(cases), Path(temporary), list(sys.path)
        spawn(_rank, arguments, nprocs=ranks)  # type: ignore[no-untyped-call]
        results = torch.load(Path(temporary) / "results.pt", weights_only=False)
    yield from zip(cases, results, strict=True)


def _rank(
    rank: int, ranks: int, folder: Path, cases: Sequence[Case], temporary: Path, path: list[str]
) -> None:
    sys.path[:] = path
    torch.set_num_threads(1)
    meeting = f"file://{temporary / 'meeting'}"
    dist.init_process_group("gloo", meeting, _TIMEOUT, world_size=ranks, rank=rank)
    results = repeat_on(rank, ranks, folder, cases)
    if rank == 0:
        torch.save(results, temporary / "results.pt")
    dist.destroy_process_group()


def repeat_on(
    rank: int, ranks: int, folder: Path, cases: Sequence[Case]
) -> list[Mapping[str, Any]]:
    """What each of `ranks` ranks that have met does of every case; the first knows what came of it.

    Args:
        rank: this process' number.
        ranks: how many there are, at least as many as any case has.
        folder: of the golden data.
        cases: its runs.
    """
    del rank, ranks
    formed: dict[tuple[int, bool], Ranks | None] = {}
    for case in cases:
        key = case.ranks, case.guidance
        if key not in formed:
            formed[key] = make_ranks(range(case.ranks), case.guidance, _TIMEOUT)
    results = []
    for case in cases:
        own = formed[case.ranks, case.guidance]
        results.append(_repeat(folder, case, own) if own is not None else {})
        dist.barrier()
    return results


def _repeat(folder: Path, case: Case, ranks: Ranks) -> Mapping[str, Any]:
    try:
        return _compared(case, golden_of(folder, case), ranks)
    except Exception as error:  # One case must not hide the others; ranks fail alike.
        return {"error": f"{type(error).__name__}: {error}"}


def _compared(case: Case, golden: Golden, ranks: Ranks) -> Mapping[str, Any]:
    hidden, calls = split(golden.transformer, golden.compute, ranks, case.split, "hidden")
    found: dict[str, Any] = {"hidden": calls, "differences": {}}
    differences = found["differences"]
    expected = golden.expected
    measure = relative_l2 if golden.measure == "relative L2" else max_absolute_difference
    outputs = {"": hidden}
    if case.steps is None:
        name = ", outputs gathered"
        outputs[name], found["output"] = split(
            golden.transformer, golden.compute, ranks, case.split, "output"
        )
    if dist.get_rank() > 0:  # What the first rank says is kept; it alone computes alone.
        _meet(outputs.values(), ranks)
        return found
    alone = _alone(case, golden)
    among = _meet(outputs.values(), ranks)
    for (name, output), apart in zip(outputs.items(), among, strict=True):
        if expected is not None:
            differences[f"golden output{name}"] = (
                measure(output, expected),
                golden.tolerance,
                golden.measure,
            )
        differences[f"against one rank{name}"] = (
            _against(alone, output, golden.measure),
            AGAINST_ONE_RANK,
            golden.measure,
        )
        differences[f"among the ranks{name}"] = (
            apart,
            0.0,
            "max abs difference",
        )
    return found


def split(
    transformer: torch.nn.Module,
    compute: Callable[[], torch.Tensor],
    ranks: Ranks,
    split: str,
    gather: str,
    method: str = "dsp",
) -> tuple[torch.Tensor, list[list[tuple[Any, ...]]]]:
    """What a computation gives on several ranks, and the collectives of its calls."""
    layout = layout_of(transformer)
    assert layout is not None
    with Parallel([transformer], layout, ranks, method, split, gather) as parallel:  # type: ignore[arg-type]
        output = compute()
    return output, [list(map(entry, call)) for call in parallel.recorder.calls]


def entry(collective: Collective) -> tuple[Any, ...]:
    """A collective as golden files have it."""
    own = collective
    return own.operation, own.where, own.ranks, own.shape, own.message_bytes


_sampled_alone: dict[tuple[Any, ...], torch.Tensor] = {}


def _alone(case: Case, golden: Golden) -> torch.Tensor:
    """What one rank gives, which is the same however many there are and whatever they split."""
    run = case.run.removeprefix("cfg_parallel/")
    key = case.weights, run, json.dumps(case.pab), case.steps
    if key not in _sampled_alone:
        _sampled_alone[key] = golden.compute()
    return _sampled_alone[key]


def _against(alone: torch.Tensor, output: torch.Tensor, measure: str) -> float:
    if measure == "relative L2":
        return relative_l2(output, alone)
    return max_absolute_difference(output, alone)


def _meet(outputs: Iterable[torch.Tensor], ranks: Ranks) -> list[float]:
    """How far outputs are from those of the other ranks; all ranks ask at once."""
    return [_largest_difference(output, ranks) for output in outputs]


def _largest_difference(output: torch.Tensor, ranks: Ranks) -> float:
    largest = 0.0
    for group in (ranks.sequence, ranks.guidance):
        if group is not None:
            others = [torch.empty_like(output) for _ in range(group.size())]
            dist.all_gather(others, output.contiguous(), group=group)
            largest = max(largest, *(float((other - output).abs().max()) for other in others))
    return largest
