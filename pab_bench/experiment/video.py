"""Samples one video: the plan rides along the real sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.config.sections import MeasureSettings
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BroadcastObject
from pab_bench.engine.observation import Observer
from pab_bench.engine.plan import Plan
from pab_bench.engine.playback import Playback
from pab_bench.engine.policy import Policy
from pab_bench.engine.sites import transformers_of
from pab_bench.experiment.decided import Decided, Gates
from pab_bench.experiment.device import clock
from pab_bench.experiment.failures import SamplingFailed, check_frames, check_latents
from pab_bench.experiment.session import Session, digest
from pab_bench.experiment.tape import VideoTape
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.attention_maps import AttentionMaps
from pab_bench.probes.memory import PeakMemory
from pab_bench.probes.site_times import SiteTimes
from pab_bench.progress import current
from pab_bench.systems.base import lanes_of


@dataclass(frozen=True)
class VideoPlace:
    """Which of a point's videos.

    Attributes:
        index: the prompt's index.
        prompt: the prompt.
        seed: the seed.
    """

    index: int
    prompt: str
    seed: int

    def __str__(self) -> str:
        """As it is named in messages."""
        return f"prompt {self.index} ({self.prompt!r}), seed {self.seed}"


@dataclass(frozen=True)
class SampledVideo:
    """One video and what was observed on the way.

    Attributes:
        place: which one.
        frames: uint8 (frames, height, width, 3).
        steps: rows of `steps.parquet`.
        curves: rows of `curves.parquet`.
        timing: seconds by stage; denoising once per repeat, with `replay_s`, what its replayed
            steps really took this time.
        replayed: how many of the timed denoising steps were replayed.
        inputs: digests of what entered and of the latents that came out, and what the tokenizer
            made of the prompt (`PromptTokens`).
        ledger: computed and reused visits per group, summed over the repeats.
        peak_cache_bytes: the most that broadcasting held at once.
        memory: the most that denoising needed; see `PeakMemory`.
        text_tokens: tokens of the text that is attended to.
        attention_maps: tensors of `attention_maps.safetensors`, if this video's are recorded.
        decided: of every lane what was decided, where the point's plan was open; else nothing.
    """

    place: VideoPlace
    frames: npt.NDArray[np.uint8]
    steps: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    timing: dict[str, list[float]]
    replayed: int
    inputs: dict[str, Any]
    ledger: dict[str, dict[str, int]]
    peak_cache_bytes: int
    memory: dict[str, int | bool]
    text_tokens: int
    attention_maps: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    decided: tuple[Decided, ...] = ()


@dataclass(frozen=True)
class Denoised:
    """One pass through all denoising steps.

    Attributes:
        latents: as the sampler gives them.
        seconds: of every call; those of replayed ones are of the run that computed them.
        replayed: how many first calls were replayed.
        replay_seconds: what these really took this time.
        ledger: computed and reused visits per group.
        peak_cache_bytes: the most that was held at once.
        executed: of every lane what was decided, where the plan was open; else nothing.
        gates: the numbers by which the policy has decided.
        gate_decisions: whether such a number means that everything computes, where it is known.
    """

    latents: torch.Tensor
    seconds: list[float]
    replayed: int
    replay_seconds: float
    ledger: dict[str, dict[str, int]]
    peak_cache_bytes: int
    executed: tuple[Plan, ...] = ()
    gates: Gates = field(default_factory=dict)
    gate_decisions: Mapping[tuple[int, int], bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Denoiser:
    """Sends videos through one model under one plan.

    Attributes:
        session: the loaded model.
        plan: what to reuse.
        steps: denoising steps that are made.
        guidance: classifier-free guidance scale.
        broadcast_object: which tensor of a site is kept.
        cache: in which dtype and where.
        policy: makes what decides where the plan does not say all.
        sure_calls: how many first calls compute everything, where the plan is open.
        protected_calls: further calls that do.
    """

    session: Session
    plan: Plan
    steps: int
    guidance: float
    broadcast_object: BroadcastObject = "output"
    cache: CacheOptions | None = None
    policy: Callable[[], Policy] | None = None
    sure_calls: int = 0
    protected_calls: frozenset[int] = frozenset()

    def run(
        self,
        place: VideoPlace,
        observers: Sequence[Observer] = (),
        tape: VideoTape | None = None,
        probe: SiteTimes | None = None,
    ) -> Denoised:
        """Denoise one video, from its own noise to latents.

        Raises:
            LedgerMismatch: if the run did something else than its plan.
            NotFinite: if the latents contain NaN or infinity.
        """
        session, plan = self.session, self.plan
        text, _ = session.encode(place.prompt)
        noise = session.sampler.noise(place.seed)
        architecture = session.sampler.architecture
        lanes = lanes_of(session.sampler, self.guidance)
        engine = Engine(
            architecture,
            plan,
            self.broadcast_object,
            observers,
            lanes,
            self.cache,
            probe,
            self.policy,
        )
        ends: list[float] = []
        progress = current()

        def step_ended(step: int) -> None:
            ends.append(clock(session.device))
            progress.step(f"prompt {place.index}, seed {place.seed}", step + 1, plan.calls)
            if tape is not None and plan.sites_only:
                tape.note_sizes(engine.cache)

        with ExitStack() as attached:
            attached.enter_context(engine)
            if tape is not None:
                attached.enter_context(Playback(transformers_of(architecture), tape, lanes))
            began = clock(session.device)
            latents = session.sampler.denoise(text, noise, self.steps, self.guidance, step_ended)
        seconds = [end - start for start, end in zip([began, *ends], ends, strict=False)]
        peak = engine.peak_cache_bytes
        replayed, replay_seconds = 0, 0.0
        if tape is not None:
            replayed = tape.known
            replay_seconds = sum(seconds[:replayed])
            engine.ledger.known(plan, replayed)
            seconds[:replayed] = tape.seconds
            peak = max(peak, tape.peak_cache_bytes)
        ledger = engine.ledger
        ledger.check(plan, self.sure_calls, self.protected_calls)
        engine.check_gates()
        check_latents(latents, str(place))
        if tape is not None:
            tape.keep(seconds, ledger.order, lanes)
        executed = tuple(ledger.executed(plan, lane) for lane in range(lanes) if plan.is_open)
        return Denoised(
            latents,
            seconds,
            replayed,
            replay_seconds,
            ledger.totals(),
            peak,
            executed,
            dict(engine.gates),
            dict(engine.gate_decisions),
        )


def sample_video(
    denoiser: Denoiser,
    place: VideoPlace,
    measure: MeasureSettings,
    recorder: AttentionDifference | None = None,
    maps: AttentionMaps | None = None,
    tape: VideoTape | None = None,
) -> SampledVideo:
    """Sample, and decode, one video as often as the settings say.

    Args:
        denoiser: the loaded model and its plan.
        place: which video.
        measure: how often it is sampled, and whether its parts are timed.
        recorder: of attention differences, if they are to be recorded. A recorded video is sampled
            a second time without it: only that pass is timed, and both must agree bit for bit.
        maps: of attention differences, likewise.
        tape: where steps that other videos share are found and kept; None computes everything. It
            serves the first repeat only, whose time then is not one of sampling.

    Raises:
        SamplingFailed: if latents are not finite, the video shows nothing, or two samplings of it
            differ.
        LedgerMismatch: if the run did something else than its plan.
    """
    session, plan = denoiser.session, denoiser.plan
    text, encode_seconds = session.encode(place.prompt)
    tokens = session.tokens(place.prompt)
    for _ in range(measure.warmups):
        denoiser.run(place)
    with PeakMemory(session.device) as memory:
        runs = [denoiser.run(place, tape=tape)]
        runs += [denoiser.run(place) for _ in range(measure.repeats - 1)]
    parts = _parts(denoiser, place, measure.repeats) if measure.parts else []
    latents = runs[0].latents
    where = {"prompt": place.index, "seed": place.seed}
    observers = [observer for observer in (recorder, maps) if observer is not None]
    if observers and not torch.equal(denoiser.run(place, observers).latents, latents):
        raise SamplingFailed("recording attention differences changed the latents")
    differences = [] if recorder is None else recorder.rows(plan.timesteps)
    began = clock(session.device)
    frames = session.sampler.decode(latents)
    decode_seconds = clock(session.device) - began
    check_frames(frames, str(place))
    return SampledVideo(
        place=place,
        frames=frames,
        steps=[
            {**where, "repeat": repeat, **row}
            for repeat, run in enumerate(runs)
            for row in _step_rows(plan, run, parts[repeat] if parts else None)
        ],
        curves=[{**where, **row} for row in differences],
        timing={
            "encode_s": [encode_seconds],
            "denoise_s": [sum(run.seconds) for run in runs],
            "replay_s": [run.replay_seconds for run in runs],
            "decode_s": [decode_seconds],
            **{
                name: [sum(row[name] for row in rows) for rows in parts] for name in parts_of(parts)
            },
        },
        replayed=sum(run.replayed for run in runs),
        inputs={
            **where,
            "noise": digest(session.sampler.noise(place.seed)),
            "conditional": digest(text.conditional),
            "unconditional": digest(text.unconditional),
            "latents": digest(latents),
            "dtype": session.dtype,
            **({} if tokens is None else {"tokens": tokens.to_json()}),
        },
        ledger=add_counts([run.ledger for run in runs]),
        peak_cache_bytes=max(run.peak_cache_bytes for run in runs),
        memory=memory.values,
        text_tokens=text.tokens,
        attention_maps={} if maps is None else maps.tensors(),
        decided=tuple(
            Decided(place.index, place.seed, lane, own, runs[0].gates, runs[0].gate_decisions)
            for lane, own in enumerate(runs[0].executed)
        ),
    )


def add_counts(ledgers: Sequence[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """The sum of several ledgers' totals."""
    total: dict[str, dict[str, int]] = {}
    for ledger in ledgers:
        for group, counts in ledger.items():
            own = total.setdefault(group, dict.fromkeys(counts, 0))
            for name, count in counts.items():
                own[name] += count
    return total


def _parts(denoiser: Denoiser, place: VideoPlace, repeats: int) -> list[list[dict[str, float]]]:
    """Per repeat the rows of `SiteTimes`."""
    timed = []
    for _ in range(repeats):
        probe = SiteTimes(denoiser.session.device, inside=not denoiser.session.compiled)
        denoiser.run(place, probe=probe)
        timed.append(probe.rows())
    return timed


def parts_of(repeats: Sequence[Sequence[dict[str, float]]]) -> list[str]:
    """The columns of the parts that were timed; none where they were not."""
    return list(repeats[0][0]) if repeats else []


def _step_rows(
    plan: Plan, run: Denoised, parts: Sequence[dict[str, float]] | None
) -> list[dict[str, Any]]:
    rows = [
        {"step": step, "timestep": timestep, "seconds": value, "replayed": step < run.replayed}
        for step, (timestep, value) in enumerate(zip(plan.timesteps, run.seconds, strict=True))
    ]
    return rows if parts is None else [row | own for row, own in zip(rows, parts, strict=True)]
