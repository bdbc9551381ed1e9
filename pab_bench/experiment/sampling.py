"""Samples all videos of a point: the plan rides along the real sampler."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.broadcast.engine import Broadcast
from pab_bench.broadcast.plan import Plan
from pab_bench.config.settings import Settings
from pab_bench.errors import PabBenchError
from pab_bench.experiment.session import Session, clock, digest
from pab_bench.probes.attention_difference import AttentionDifference

_log = logging.getLogger(__name__)


class SamplingFailed(PabBenchError):
    """A video came out that cannot be right."""


@dataclass
class Sampled:
    """All videos of a point and what was observed on the way.

    Attributes:
        videos: frames by (prompt index, seed).
        steps: rows of `steps.parquet`.
        curves: rows of `curves.parquet`.
        timing: seconds per video, by stage.
        inputs: digests of what entered, per video.
        ledger: computed and reused visits per group, summed over the videos.
        peak_cache_bytes: the most that broadcasting held at once.
    """

    videos: dict[tuple[int, int], npt.NDArray[np.uint8]] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    timing: dict[str, list[float]] = field(
        default_factory=lambda: {"encode_s": [], "denoise_s": [], "decode_s": []}
    )
    inputs: list[dict[str, Any]] = field(default_factory=list)
    ledger: dict[str, dict[str, int]] = field(default_factory=dict)
    peak_cache_bytes: int = 0

    def timing_summary(self) -> dict[str, dict[str, Any]]:
        """Per stage all values with their median, smallest and largest."""
        return {
            stage: {
                "median": statistics.median(values),
                "min": min(values),
                "max": max(values),
                "values": values,
            }
            for stage, values in self.timing.items()
        }


def sample(session: Session, settings: Settings, plan: Plan, curves: bool) -> Sampled:
    """Sample every prompt with every seed.

    Args:
        session: the loaded model.
        settings: the point.
        plan: what to reuse.
        curves: whether to record attention differences. A recorded video is sampled a second time
            without the recorder: only that pass is timed, and both must agree bit for bit.

    Raises:
        SamplingFailed: if latents are not finite or recording changed them.
        LedgerMismatch: if the run did something else than its plan.
    """
    result = Sampled()
    session.warm_up(settings.prompts[0], settings.guidance)
    for index, prompt in enumerate(settings.prompts):
        text, encode_seconds = session.encode(prompt)
        for seed in settings.seeds:
            place = {"prompt": index, "seed": seed}
            for repeat in range(settings.repeats):
                latents, seconds = _denoise(session, settings, plan, prompt, seed, [], result)
                result.timing["denoise_s"].append(sum(seconds))
                result.steps += [
                    {**place, "repeat": repeat, **row} for row in _step_rows(plan, seconds)
                ]
            if curves:
                recorder = AttentionDifference()
                again, _ = _denoise(session, settings, plan, prompt, seed, [recorder], result)
                if not torch.equal(again, latents):
                    raise SamplingFailed("recording attention differences changed the latents")
                result.curves += [{**place, **row} for row in recorder.rows(plan.timesteps)]
            began = clock(session.device)
            frames = session.sampler.decode(latents)
            result.timing["decode_s"].append(clock(session.device) - began)
            result.timing["encode_s"].append(encode_seconds)
            result.videos[index, seed] = frames
            _log.info(
                "%s: prompt %d of %d, seed %d: %.2f s",
                "baseline" if settings.is_baseline() else "variant",
                index + 1,
                len(settings.prompts),
                seed,
                result.timing["denoise_s"][-1],
            )
            result.inputs.append(
                {
                    **place,
                    "noise": digest(session.sampler.noise(seed)),
                    "conditional": digest(text.conditional),
                    "unconditional": digest(text.unconditional),
                    "latents": digest(latents),
                    "dtype": session.dtype,
                }
            )
    return result


def _denoise(
    session: Session,
    settings: Settings,
    plan: Plan,
    prompt: str,
    seed: int,
    observers: Sequence[AttentionDifference],
    result: Sampled,
) -> tuple[torch.Tensor, list[float]]:
    """Latents of one video, and the seconds of each step."""
    text, _ = session.encode(prompt)
    noise = session.sampler.noise(seed)
    ends: list[float] = []
    broadcast = Broadcast(session.sampler.architecture, plan, settings.broadcast_object, observers)
    with broadcast:
        began = clock(session.device)
        latents = session.sampler.denoise(
            text,
            noise,
            settings.steps,
            settings.guidance,
            lambda step: ends.append(clock(session.device)),
        )
    broadcast.ledger.check(plan)
    if not bool(torch.isfinite(latents).all()):
        raise SamplingFailed(f"the latents of prompt {prompt!r}, seed {seed} are not finite")
    if not observers:
        _add(result.ledger, broadcast.ledger.totals())
        result.peak_cache_bytes = max(result.peak_cache_bytes, broadcast.peak_cache_bytes)
    return latents, [end - start for start, end in zip([began, *ends], ends, strict=False)]


def _add(total: dict[str, dict[str, int]], more: dict[str, dict[str, int]]) -> None:
    for group, counts in more.items():
        own = total.setdefault(group, dict.fromkeys(counts, 0))
        for name, count in counts.items():
            own[name] += count


def _step_rows(plan: Plan, seconds: list[float]) -> list[dict[str, Any]]:
    return [
        {"step": step, "timestep": timestep, "seconds": value, "replayed": False}
        for step, (timestep, value) in enumerate(zip(plan.timesteps, seconds, strict=True))
    ]
