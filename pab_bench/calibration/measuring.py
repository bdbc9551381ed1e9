"""What baseline videos say: how inputs, outputs and residuals change between calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from pab_bench.config.settings import Settings
from pab_bench.engine.places import At, Entrance, Look, Place, Run, Tensors
from pab_bench.engine.policy import Policy
from pab_bench.experiment.ranks import on_all, share
from pab_bench.experiment.sampling import places
from pab_bench.experiment.session import open_session
from pab_bench.experiment.video import Denoiser, VideoPlace
from pab_bench.methods.base import facts_of
from pab_bench.methods.tables import baseline_plan

_LEAST = 1e-8
"""Added to a magnitude that is divided by, as diffusers does."""


@dataclass(frozen=True)
class Changes:
    """What was measured in one lane of one video; every list has an entry for every call.

    None where there is no call before, or the one before was of another transformer.

    Attributes:
        prompt: the video's.
        seed: its seed.
        lane: which of the calls that a denoising step takes.
        inputs: mean|m - m'| / mean|m'| of the modulated input m of the first self-attention; m'
            that of the call before. None throughout where it is not asked for.
        outputs: the same of what the transformer returns.
        streams: the same of the video's tokens after the last block.
        ratios: mean over tokens of |r| / |r'|, r what all blocks change of a token and |r| its
            Euclidean norm; 1 where the others are None.
    """

    prompt: str
    seed: int
    lane: int
    inputs: tuple[float | None, ...]
    outputs: tuple[float | None, ...]
    streams: tuple[float | None, ...]
    ratios: tuple[float, ...]


class Measures(Policy):
    """Computes everything, and compares every call with the one before.

    Source: diffusers 0.42, `hooks/mag_cache.py`, of the ratios (its `calibrate=True`); TeaCache,
    arXiv 2411.19108, of the changes.

    Args:
        blocks: number of the stack's indices.
        modulated: whether the modulated input is measured, too.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"call", "stack"})

    def __init__(self, blocks: int, modulated: bool) -> None:
        self._run = Run(0, blocks - 1)
        self._modulated = modulated
        self._before: dict[tuple[str, int], torch.Tensor] = {}
        self.found: dict[tuple[str, int], list[float | None]] = {}

    def run(self, at: At) -> Run:
        """All blocks."""
        return self._run

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        """Never; compare the input."""
        if self._modulated:
            self._compare("inputs", at, entrance.modulated_input(), _change)
        return False

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        """Compare what leaves the blocks, and what they have changed."""
        self._compare("streams", at, tokens[0], _change)
        self._compare("ratios", at, tokens[0] - entrance.tokens[0], _ratio)

    def call_ended(self, at: At, look: Look, output: torch.Tensor) -> None:
        """Compare what the transformer returns."""
        self._compare("outputs", at, output, _change)

    def _compare(
        self,
        what: str,
        at: At,
        now: torch.Tensor,
        how: Callable[[torch.Tensor, torch.Tensor], float],
    ) -> None:
        place = what, at.lane
        before = None if at.begins else self._before.get(place)
        self._before[place] = now
        value = None if before is None else how(now.float(), before.float())
        self.found.setdefault(place, []).append(value)

    def changes(self, place: VideoPlace) -> list[Changes]:
        """What was found, lane by lane.

        Args:
            place: which video it was.
        """
        lanes = sorted(lane for what, lane in self.found if what == "outputs")
        return [self._changes(place, lane) for lane in lanes]

    def _changes(self, place: VideoPlace, lane: int) -> Changes:
        outputs = self.found["outputs", lane]
        return Changes(
            place.prompt,
            place.seed,
            lane,
            tuple(self.found.get(("inputs", lane), [None] * len(outputs))),
            tuple(outputs),
            tuple(self.found["streams", lane]),
            tuple(1.0 if own is None else own for own in self.found["ratios", lane]),
        )


def _change(now: torch.Tensor, before: torch.Tensor) -> float:
    return float((now - before).abs().mean() / before.abs().mean())


def _ratio(now: torch.Tensor, before: torch.Tensor) -> float:
    norms = [torch.linalg.norm(own, dim=-1) for own in (now, before)]
    return float((norms[0] / (norms[1] + _LEAST)).mean())


@dataclass(frozen=True)
class Measured:
    """All that was measured.

    Attributes:
        changes: of every lane of every video, in order of prompts and seeds.
        timesteps: the scheduler's value at every call.
        lanes: calls of the transformer in a denoising step.
    """

    changes: tuple[Changes, ...]
    timesteps: tuple[float, ...]
    lanes: int


def measure_videos(settings: Settings) -> Measured:
    """Sample the baseline's latents of all prompts and seeds, shared out among the ranks.

    Args:
        settings: whose method says whether it looks at the modulated input.

    Raises:
        ConfigError: if the model does not tell its blocks in order, or its modulated input.
    """
    shares = on_all(measure_share, settings)
    own = [found for one in shares if one is not None for found in one.changes]
    first = next(one for one in shares if one is not None)
    order = {(p.prompt, p.seed): number for number, p in enumerate(places(settings))}
    own.sort(key=lambda changes: (order[changes.prompt, changes.seed], changes.lane))
    return replace(first, changes=tuple(own))


def measure_share(rank: int, ranks: int, settings: Settings) -> Measured | None:
    """The part of `measure_videos` that one rank does; None for a rank without a video."""
    videos = share(places(settings), rank, ranks)
    if not videos:
        return None
    session = open_session(settings)
    session.tell(settings)
    method = settings.method
    facts = facts_of(method, session.sampler, settings.steps, settings.guidance)
    modulated = "modulation" in method.needs
    made: list[Measures] = []

    def policy() -> Measures:
        made.append(Measures(len(facts.stack), modulated))
        return made[-1]

    denoiser = Denoiser(
        session,
        baseline_plan(facts),
        facts.steps,
        settings.guidance,
        method.broadcast_object,
        policy=policy,
    )
    found: list[Changes] = []
    for place in videos:
        denoiser.run(place)
        found += made[-1].changes(place)
        made.clear()
    return Measured(tuple(found), facts.timesteps, facts.lanes)
