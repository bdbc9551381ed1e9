"""What looks on while a transformer follows a plan, and what it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from pab_bench.engine.kinds import Group

Place = tuple[Group, int, int]
"""A sequence of outputs that can be compared: group, lane and block."""


@dataclass(frozen=True, slots=True)
class SiteOutput:
    """What one site has computed in one call of the transformer.

    None of the tensors may be changed.

    Attributes:
        group: the site's group.
        block: its block's index.
        call: the denoising step, from 0.
        lane: which of the transformer calls that a denoising step takes. Each is a sequence of its
            own: the lanes may be halves of the guidance batch, whose outputs have nothing to do
            with each other.
        ungated: the module's output.
        gate: what it is multiplied by; None where the architecture has no gate.
        gated: what is added to the residual stream; without a gate the same tensor as `ungated`.
        begins: whether the call before was of another transformer, or there was none: outputs of
            then and now have nothing to do with each other.
    """

    group: Group
    block: int
    call: int
    lane: int
    ungated: torch.Tensor
    gate: torch.Tensor | None
    gated: torch.Tensor
    begins: bool = False

    @property
    def place(self) -> Place:
        """Which sequence of outputs it belongs to."""
        return self.group, self.lane, self.block


class Observer(Protocol):
    """Something that looks at every computed output, for example a recorder of differences."""

    def start_video(self) -> None:
        """A new video begins."""
        ...

    def observe(self, output: SiteOutput) -> None:
        """A site has computed its output."""
        ...


class Probe(Protocol):
    """Something that stands around every site and call, for example a clock."""

    def begin_call(self, lane: int, call: int) -> None:
        """The transformer is about to be called."""
        ...

    def end_call(self) -> None:
        """That call has returned."""
        ...

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        """A site of the current call is about to compute, or to reuse."""
        ...

    def end_site(self) -> None:
        """That site has its output."""
        ...
