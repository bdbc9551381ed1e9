"""What every sampler offers: the stages of a real pipeline, one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.systems.weights import Weights

OnStep = Callable[[int], None]
"""Called after every denoising step with its index."""


@dataclass(frozen=True)
class TextEmbeddings:
    """What the text encoder makes of one prompt.

    Attributes:
        conditional: (1, tokens, width).
        unconditional: the same shape, of the negative prompt; None without guidance.
        mask: (1, tokens), 1 = a word, where the model is given padding; None otherwise.
    """

    conditional: torch.Tensor
    unconditional: torch.Tensor | None
    mask: torch.Tensor | None = None

    @property
    def tokens(self) -> int:
        """Number of tokens that are attended to."""
        return self.conditional.shape[1] if self.mask is None else int(self.mask.sum())


def lanes_of(sampler: Sampler, guidance: float) -> int:
    """Tell how many calls of the transformer a denoising step takes.

    1, unless the sampler has a method `lanes` that says otherwise for a scale of guidance.
    """
    own = getattr(sampler, "lanes", None)
    return 1 if own is None else int(own(guidance))


class Sampler(Protocol):
    """Drives one system's real pipeline in three stages.

    The stages together equal the pipeline's own call bit for bit; they are apart so that each can
    be timed and prompts are encoded once.
    """

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        ...

    @property
    def weights(self) -> Weights:
        """Where the checkpoint lies."""
        ...

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters."""
        ...

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The timestep at every call of the transformer, truncated to an integer."""
        ...

    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode one prompt."""
        ...

    def noise(self, seed: int) -> torch.Tensor:
        """The initial latents of a seed, which do not depend on anything else."""
        ...

    def denoise(
        self,
        text: TextEmbeddings,
        noise: torch.Tensor,
        steps: int,
        guidance: float,
        on_step: OnStep,
    ) -> torch.Tensor:
        """Sample latents."""
        ...

    def decode(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode latents to frames (frames, height, width, 3)."""
        ...
