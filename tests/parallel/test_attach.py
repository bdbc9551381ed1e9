"""Hooks come off, recorders see every family of operators, and two packages stay strangers."""

import ast
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from parallel.models import call, transformer
from parallel.ranks import PATIENCE, on_ranks
from torch.distributed import _functional_collectives as functional

from pab_bench.parallel.attach import Parallel
from pab_bench.parallel.groups import make_ranks
from pab_bench.parallel.inputs import CallInputs, checksum
from pab_bench.parallel.recorder import Recorder
from pab_bench.parallel.refused import ParallelRefused
from pab_bench.parallel.registry import layout_of

ROOT = Path(__file__).parents[2] / "pab_bench"


class Broken(RuntimeError):
    pass


def hooks_of(model: torch.nn.Module) -> int:
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules())


@torch.no_grad()
def in_two(rank: int) -> dict:
    """What does not depend on the rank: seen collectives, and what is left after failures."""
    ranks = make_ranks(range(2), False, PATIENCE)
    ones = torch.ones(4, 3)
    with Recorder() as recorder:
        recorder.begin_call()
        with recorder.at("outer"), recorder.at("inner"):
            dist.all_to_all_single(torch.empty(4, 3), ones)
        parts = [torch.empty(4, 3) for _ in range(2)]
        dist.all_gather(parts, ones)
        dist.all_reduce(ones.clone())
        functional.reduce_scatter_tensor(ones, "sum", 0, dist.group.WORLD).sum()
        functional.all_gather_tensor(ones, 1, dist.group.WORLD).sum()
    seen = [(c.operation, c.where, c.ranks, c.shape, c.message_bytes) for c in recorder.calls[0]]
    left = {}
    for kind in ("latte", "open_sora"):
        for method in ("dsp", "ulysses", "megatron_sp"):
            model, inputs = transformer(kind), call(kind, (2, 5, 4, 4))
            layout = layout_of(model)
            alone = model(**inputs)[0]
            attention = layout.attentions(model, "frames")[1]

            def fail(module, args):
                raise Broken

            handle = attention.register_forward_pre_hook(fail)
            with pytest.raises(Broken), Parallel([model], layout, ranks, method):
                # Ranks fail alike, so that nobody waits.
                model(**inputs)
            handle.remove()
            dist.barrier()
            same = torch.equal(model(**inputs)[0], alone)
            left[kind, method] = hooks_of(model), "forward" in vars(attention), same
    refused = ""
    model = transformer("open_sora")
    try:
        with Parallel([model], layout_of(model), make_ranks(range(2), True, PATIENCE)):
            model(**call("open_sora", (1, 2, 4, 4)))
    except ParallelRefused as error:
        refused = str(error)
    return {"seen": seen, "left": left, "refused": refused}


def test_two_ranks(tmp_path):
    first, second = on_ranks(2, tmp_path, in_two)
    assert first == second
    assert first["seen"] == [
        ("all_to_all", "inner", 2, (2, 3), 24),
        ("all_gather", "", 2, (4, 3), 48),
        ("all_reduce", "", 2, (4, 3), 48),
        ("reduce_scatter", "", 2, (2, 3), 24),
        ("all_gather", "", 2, (4, 3), 48),
    ]
    assert set(first["left"].values()) == {(0, False, True)}
    assert "has 1 rows, which do not halve" in first["refused"]


def test_an_odd_number_of_ranks_has_no_halves():
    with pytest.raises(ParallelRefused, match="even number of ranks, got 3"):
        make_ranks(range(3), True, PATIENCE)


def test_checksums_see_every_bit_and_place():
    first = torch.randn(5, 7)
    second = first.clone()
    second[2, 3] = torch.nextafter(second[2, 3], torch.tensor(9.0))
    assert checksum(first) == checksum(first.clone())
    others = (second, first.flip(0), first[:, :6])
    assert all(checksum(other) != checksum(first) for other in others)
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.bool, torch.int64):
        assert checksum(first.to(dtype)) != checksum(first.to(dtype).logical_not())


def test_inputs_of_calls_differ_by_any_argument():
    latents, time = torch.randn(2, 4, 3, 4, 4), torch.tensor(500.0)
    inputs = CallInputs()
    inputs.note((latents, time), {})
    inputs.note((), {"hidden_states": latents, "timestep": time})
    inputs.note((latents, time + 1), {})
    one, same, other = inputs.checksums()
    assert one == same != other
    assert inputs.shapes == [(2, 4, 3, 4, 4)] * 3


@pytest.mark.parametrize(("package", "other"), [("parallel", "engine"), ("engine", "parallel")])
def test_broadcast_and_parallelism_do_not_know_each_other(package, other):
    for path in (ROOT / package).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith(f"pab_bench.{other}") for name in names), path
