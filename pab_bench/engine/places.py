"""Where a method acts while a transformer is called, and what it is shown there.

From the inside out: a site, a run of blocks of the stack, the call of the whole transformer.
No torch is imported here: methods are settings first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pab_bench.engine.kinds import Group

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
else:
    Tensor = Any

Tensors = tuple["Tensor", ...]
"""The streams of tokens that go through the stack, the video's first; most models have one."""

Gate = Any
"""What a site's output is multiplied by: a tensor, one for each of several, or None."""

Place = Literal["site", "stack", "call"]


class CallDecision(Enum):
    """What is done of one call of the transformer.

    Attributes:
        COMPUTE: all of it.
        FIRST_HALF: only the first half of the guidance batch.
        SECOND_HALF: only the second.
        REUSE: nothing; the policy gives the output.
    """

    COMPUTE = "compute"
    FIRST_HALF = "first half"
    SECOND_HALF = "second half"
    REUSE = "reuse"

    @property
    def rows(self) -> int:
        """Halves of the guidance batch that are computed."""
        return {"compute": 2, "reuse": 0}.get(self.value, 1)


@dataclass(frozen=True, slots=True)
class At:
    """A call of the transformer.

    Attributes:
        lane: which of the calls that a denoising step takes.
        call: which call of the lane, from 0; the engine counts.
        timestep: of the plan.
        rows: 2 where the whole guidance batch is computed, 1 where it is one half; while the call
            is being decided, 2.
        begins: whether the call before was of another transformer, or there was none: `memory` is
            empty, and what a policy remembers besides must begin anew.
    """

    lane: int
    call: int
    timestep: int
    rows: int = 2
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What the transformer is called with. None of it may be changed.

    Attributes:
        args: by place.
        kwargs: by name.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def latents(self) -> Tensor:
        """The noisy latents, (batch, ...): the guidance batch where a call has both halves."""
        latents: Tensor = self.kwargs["hidden_states"] if not self.args else self.args[0]
        return latents

    @property
    def timestep(self) -> Tensor:
        """The first of the batch's timesteps, as they are given: a tensor of one number."""
        value: Tensor = self.kwargs["timestep"] if "timestep" in self.kwargs else self.args[1]
        return value.flatten()[0]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring blocks of the stack, by their indices, which a method may leave out together.

    Attributes:
        first: the first of them.
        last: the last of them.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a run of blocks is entered with. None of it may be changed.

    Attributes:
        run: which blocks.
        tokens: of each stream, as they enter the run.
        start: of each stream, as they have entered the stack in this call; the same objects as
            `tokens` where the run begins there. What the blocks before the run have changed is
            `tokens` minus `start`.
        module: the first block of the run.
        args: what it is called with, by place.
        kwargs: by name.
        modulate: as `StackBlock.modulate` of the first block of the run.
    """

    run: Run
    tokens: Tensors
    start: Tensors
    module: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    modulate: Callable[..., Tensor] | None = None

    def modulated_input(self) -> Tensor:
        """Compute what the self-attention of the run's first block is to be given.

        Its normalised tokens, scaled and shifted by the timestep's modulation, of the video alone:
        laid out as `tokens[0]`.

        Raises:
            ValueError: if the architecture does not tell it.
        """
        if self.modulate is None:
            raise ValueError("the architecture does not tell the modulated input of its attention")
        return self.modulate(*self.args, **self.kwargs)


Site = tuple[Group, int]
"""Group and block."""
