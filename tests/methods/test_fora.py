"""FORA on a small Latte, against modules of the unmodified blocks that repeat what they put out.

No recorded run of FORA on a video model exists. The oracle knows nothing of plan and engine: every
attention and MLP module counts its own calls, by an index that runs down as upstream's does, and
puts out what it put out last unless the index is a multiple of the interval. The block around it
normalises, modulates and gates as ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from golden.followed import follow
from golden.scenes import Used, scene_of

from pab_bench.methods.fora import Fora

FIXTURES = Path(__file__).parents[1] / "fixtures"
GUIDANCE = 7.5
STEPS = 7


@pytest.fixture(scope="module")
def scene():
    return scene_of(Used("latte/latte_tiny_pab: all", FIXTURES))


def sites(transformer) -> Iterator[torch.nn.Module]:
    for block in [*transformer.transformer_blocks, *transformer.temporal_transformer_blocks]:
        yield from (own for own in (block.attn1, block.attn2, block.ff) if own is not None)


@contextmanager
def repeating(modules, interval, calls):
    """Modules that compute at some of so many calls; yields how often each of them has."""
    computed: dict[torch.nn.Module, list[int]] = {}

    def repeats(module):
        kept, compute = [], module.forward
        indices = iter(reversed(range(calls)))
        computed[module] = []

        def forward(*args, **kwargs):
            index = next(indices)
            if index % interval == 0 or not kept:
                computed[module].append(calls - 1 - index)
                kept[:] = [compute(*args, **kwargs)]
            return kept[0].clone()

        module.forward = forward

    for module in modules:
        repeats(module)
    try:
        yield computed
    finally:
        for module in modules:
            del module.forward


@pytest.mark.parametrize("interval", [2, 3, 4])
def test_latents_and_computed_calls_are_the_oracle_s(scene, interval):
    modules = list(sites(scene.architecture.transformer))
    history = []
    with repeating(modules, interval, STEPS) as computed:
        scene.denoise(STEPS, GUIDANCE, lambda latents: history.append(latents.clone()))
    ours = follow(scene, Fora(interval), STEPS, GUIDANCE)
    assert torch.equal(ours.latents, torch.stack(history))
    expected = {2: [0, 2, 4, 6], 3: [0, 3, 6], 4: [0, 2, 6]}[interval]
    assert all(calls == expected for calls in computed.values())
    for group, visits in ours.engine.ledger.visits.items():
        made = [call for call, sites in enumerate(visits[0]) if (sites == 1).all()]
        assert made == expected, group


def test_what_the_oracle_would_notice(scene):
    """Counted from the first call it is another method, by more than rounding."""
    ours = follow(scene, Fora(4), STEPS, GUIDANCE).latents[-1]
    other = follow(scene, Fora(4, "first"), STEPS, GUIDANCE).latents[-1]
    assert (ours - other).norm() / ours.norm() > 1e-3
