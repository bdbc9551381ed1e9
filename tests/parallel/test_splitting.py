"""Ranks together give what one rank gives, and issue the collectives that were predicted."""

from dataclasses import dataclass
from itertools import product

import pytest
import torch
from parallel.models import call, transformer
from parallel.ranks import PATIENCE, on_ranks

from pab_bench.parallel.attach import Parallel
from pab_bench.parallel.groups import make_ranks
from pab_bench.parallel.predicted import predicted_call, sharing_of
from pab_bench.parallel.registry import layout_of

KINDS = ("open_sora", "latte", "open_sora_plan")
OTHER_MATRIX_SIZES = 1e-5
"""Of outputs around 1: sums over as many numbers, in matrices of other shapes."""


@dataclass(frozen=True)
class Case:
    kind: str
    method: str
    split: str
    gather: str = "output"
    guidance: bool = False
    size: tuple[int, int, int, int] = (2, 5, 6, 8)


def cases(ranks: int) -> list[Case]:
    """Every kind with every method, where it can; lengths that divide and that do not."""
    found = [
        Case(k, "dsp", s, g)
        for k, s, g in product(KINDS, ("frames", "tokens"), ("output", "hidden"))
    ]
    found += [Case(k, m, "frames") for k, m in product(KINDS, ("ulysses", "megatron_sp"))]
    found += [Case("open_sora", m, "tokens") for m in ("ulysses", "megatron_sp")]
    found += [Case(k, "dsp", s, size=(2, 1, 6, 6)) for k, s in product(KINDS, ("frames", "tokens"))]
    # A rank's share is one frame, which diffusers' Latte alone would take for an image.
    found += [
        Case(k, "dsp", "frames", g, size=(1, 2, 4, 6))
        for k, g in product(KINDS, ("output", "hidden"))
    ]
    found += [Case("open_sora", "dsp", "frames", size=(2, 3, 5, 7))]
    if ranks % 2 == 0:
        found += [Case(k, "dsp", s, guidance=True) for k, s in product(KINDS, ("frames", "tokens"))]
    return found


@torch.no_grad()
def compute_all(rank: int, ranks: int, cases: list[Case]) -> list[tuple[float, float, list, list]]:
    """Per case the largest output, its difference to one rank, collectives and predicted ones."""
    groups = {g: make_ranks(range(ranks), g, PATIENCE) for g in {c.guidance for c in cases}}
    found = []
    for case in cases:
        model, inputs = transformer(case.kind, case.size[1]), call(case.kind, case.size)
        layout, own = layout_of(model), groups[case.guidance]
        alone = model(**inputs)[0]
        with Parallel([model], layout, own, case.method, case.split, case.gather) as parallel:
            outputs = [model(**inputs)[0] for _ in range(2)]
        halves = 2 if case.guidance else 1
        latents = (4, *case.size[1:])
        size = layout.size_of(model, latents, case.size[0])
        sharing = sharing_of(
            model, layout, case.method, case.split, case.gather, ranks // halves, halves, latents
        )
        predicted = predicted_call(layout, size, sharing, range(2))
        apart = max(float((output - alone).abs().max()) for output in outputs)
        same_after = torch.equal(model(**inputs)[0], alone)
        found.append((float(alone.abs().max()), apart, parallel.recorder.calls, [predicted] * 2))
        assert same_after, case
    return found


def check(ranks: int, folder, cases: list[Case]) -> None:
    for results in on_ranks(ranks, folder, compute_all, ranks, cases):
        for case, (scale, apart, recorded, predicted) in zip(cases, results, strict=True):
            assert 0.05 < scale < 1e3, case
            assert apart <= OTHER_MATRIX_SIZES * max(scale, 1), case
            assert recorded == predicted, case


FEW = [
    Case("open_sora", "dsp", "frames", "hidden"),
    Case("latte", "dsp", "frames"),
    Case("latte", "dsp", "frames", "hidden", size=(1, 2, 4, 6)),
    Case("open_sora_plan", "dsp", "tokens", "hidden"),
    Case("open_sora", "ulysses", "frames"),
    Case("open_sora", "megatron_sp", "frames"),
    Case("open_sora_plan", "dsp", "frames", guidance=True),
]


def test_some_layouts_on_two_ranks(tmp_path):
    check(2, tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3, 6])
def test_all_layouts(tmp_path, ranks):
    check(ranks, tmp_path, cases(ranks))
