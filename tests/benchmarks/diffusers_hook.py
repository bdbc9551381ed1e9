"""Our PAB beside diffusers' own hook: `python tests/benchmarks/diffusers_hook.py`.

Tiny pipelines of the real classes with random weights, self- and cross-attention reused in every
step of a window over all steps, the tensor before the gate. Two tables:

- one call of the transformer in a step (LTX-Video with guidance, Wan without): whether both give
  the same latents, bit for bit.
- two calls in a step (Wan with guidance): relative L2 of the latents to those without reuse. Ours
  counts steps and keeps the conditional and the unconditional call apart; the hook counts calls and
  has one memory for both.

`computed` is how many attentions computed, of all visits, seen from outside of both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pab_bench.imports.torchvision  # isort: skip
import torch
from systems.diffusers import tiny
from systems.diffusers.driven import KNOWN, PROMPT, WINDOW
from systems.diffusers.other_pab import attach_hook

import pab_bench as pb
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules

ON, OFF = 5.0, 1.0


@dataclass(frozen=True)
class Sampled:
    """Latents, and how many attentions computed, of how many visits."""

    latents: torch.Tensor
    computed: int


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gaps", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--steps", type=int, default=16)
    arguments = parser.parse_args()
    print(f"{arguments.steps} steps; one call of the transformer in each\n")
    print("| pipeline | gap | ours = hook |\n| --- | ---: | --- |")
    for name, guidance in (("ltx", ON), ("wan", OFF)):
        for gap in arguments.gaps:
            ours, theirs = both(name, guidance, arguments.steps, gap, lanes=1)
            same = torch.equal(ours.latents, theirs.latents)
            print(f"| {name} | {gap} | {'yes' if same else 'NO'} |")
    print("\ntwo calls in each: wan with guidance\n")
    print("| gap | error, ours | error, hook | computed, ours | computed, hook |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    baseline = sample(tiny.wan(), "wan", ON, arguments.steps)
    for gap in arguments.gaps:
        found = both("wan", ON, arguments.steps, gap, lanes=2)
        errors = [relative(own.latents, baseline.latents) for own in found]
        shares = [own.computed / baseline.computed for own in found]
        cells = [*(f"{error:.1e}" for error in errors), *(f"{share:.3f}" for share in shares)]
        print(f"| {gap} | {' | '.join(cells)} |")


def both(name: str, guidance: float, steps: int, gap: int, lanes: int) -> tuple[Sampled, Sampled]:
    """One video by our engine, and one by the hook."""
    pipeline = make(name)
    rule = GapRule(True, WINDOW, gap)
    method = PyramidAttentionBroadcast(Rules(spatial=rule, cross=rule), "ungated")
    with pb.attach(pipeline, method, lanes=lanes):
        ours = sample(pipeline, name, guidance, steps)
    hooked = make(name)
    attach_hook(hooked, gap)
    return ours, sample(hooked, name, guidance, steps)


def make(name: str) -> Any:
    """A tiny pipeline, the same one every time."""
    build: Callable[[], Any] = getattr(tiny, name)
    return build()


def sample(pipeline: Any, name: str, guidance: float, steps: int) -> Sampled:
    """Sample latents, and count what computes by a linear layer of each attention."""
    computed = 0

    def count(*_: Any) -> None:
        nonlocal computed
        computed += 1

    layers = [m for n, m in pipeline.transformer.named_modules() if n.endswith(".to_q")]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    frames, height, width = KNOWN[name].size
    latents = pipeline(
        prompt=PROMPT,
        num_frames=frames,
        height=height,
        width=width,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
    ).frames
    for hook in hooks:
        hook.remove()
    return Sampled(latents, computed)


def relative(latents: torch.Tensor, baseline: torch.Tensor) -> float:
    """Relative L2."""
    return float((latents - baseline).norm() / baseline.norm())


if __name__ == "__main__":
    main()
