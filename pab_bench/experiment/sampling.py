"""Samples all videos of a point."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.experiment.arithmetic import arithmetic, check_same_arithmetic
from pab_bench.experiment.device import resolve_device
from pab_bench.experiment.ranks import on_all, share
from pab_bench.experiment.room import check_room
from pab_bench.experiment.session import Session, open_session
from pab_bench.experiment.tape import open_tapes
from pab_bench.experiment.video import Denoiser, SampledVideo, VideoPlace, add_counts, sample_video
from pab_bench.methods.base import facts_of
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.attention_maps import AttentionMaps, token_grid
from pab_bench.store.spread import spread

_log = logging.getLogger(__name__)


def places(settings: Settings) -> list[VideoPlace]:
    """All videos of a point, in order: every prompt with every seed."""
    return [
        VideoPlace(index, prompt, seed)
        for index, prompt in enumerate(settings.prompts)
        for seed in settings.seeds
    ]


def sample(settings: Settings, plan: Plan, identity: Mapping[str, Any], curves: bool) -> Sampled:
    """Sample every prompt with every seed, shared out among the ranks.

    Args:
        settings: the point.
        plan: what to reuse.
        identity: the point's, under which steps are found and kept that other videos share.
        curves: whether to record attention differences.
    """
    shares = on_all(sample_share, settings, plan, identity, curves)
    videos: list[SampledVideo] = [video for share in shares for video in share]
    order = {place: number for number, place in enumerate(places(settings))}
    return Sampled(sorted(videos, key=lambda video: order[video.place]))


def sample_share(
    rank: int,
    ranks: int,
    settings: Settings,
    plan: Plan,
    identity: Mapping[str, Any],
    curves: bool,
) -> list[SampledVideo]:
    """The part of `sample` that one rank does."""
    own = share(places(settings), rank, ranks)
    if not own:
        return []
    check_same_arithmetic(identity, arithmetic(resolve_device(settings.device), settings.threads))
    session = open_session(settings)
    facts = facts_of(settings.method, session.sampler, settings.steps, settings.guidance)
    replayable = settings.method.replayable_calls(facts)
    tapes = open_tapes(settings, identity, plan, session.device, replayable)
    session.tell(settings)
    check_room(settings, session, plan)
    session.warm_up(settings.prompts[0], settings.guidance)
    denoiser = denoiser_of(settings, session, plan)
    recorder = AttentionDifference() if curves else None
    videos = []
    for place in own:
        tape = None if tapes is None else tapes.open(place.prompt, place.seed)
        maps = _maps(settings, denoiser, place)
        video = sample_video(denoiser, place, settings.measure, recorder, maps, tape)
        _log.info("%s: %s", "baseline" if settings.is_baseline() else "variant", _line(video))
        videos.append(video)
    return videos


def denoiser_of(settings: Settings, session: Session, plan: Plan) -> Denoiser:
    """What sends the videos of a point through its model."""
    method = settings.method
    facts = facts_of(method, session.sampler, settings.steps, settings.guidance)
    return Denoiser(
        session,
        plan,
        facts.steps,
        settings.guidance,
        method.broadcast_object,
        settings.cache,
        method.policy(facts),
        method.sure_calls(facts),
        method.protected_calls(facts),
    )


def _maps(settings: Settings, denoiser: Denoiser, place: VideoPlace) -> AttentionMaps | None:
    """What records maps of a baseline's first video; None for others, or if they are not wanted."""
    first = (place.index, place.seed) == (0, settings.seeds[0])
    wanted = settings.record.attention_maps and settings.is_baseline() and first
    if not wanted or denoiser.plan.calls < 2:
        return None
    sampler = denoiser.session.sampler
    grid = token_grid(sampler.architecture.transformer, sampler.noise(place.seed).shape)
    return AttentionMaps(sampler.architecture.depth, denoiser.plan.calls, grid)


def _line(video: SampledVideo) -> str:
    place = video.place
    text = f"prompt {place.index}, seed {place.seed}: {video.timing['denoise_s'][-1]:.2f} s"
    if video.replayed:
        text += f", {video.replayed} of {len(video.steps)} steps replayed"
    return text


class Sampled:
    """All videos of a point.

    Args:
        videos: in the order of `places`.
    """

    def __init__(self, videos: Sequence[SampledVideo]) -> None:
        self.frames = {(v.place.index, v.place.seed): v.frames for v in videos}
        self.steps = [row for video in videos for row in video.steps]
        self.curves = [row for video in videos for row in video.curves]
        self.attention_maps = {k: t for video in videos for k, t in video.attention_maps.items()}
        self.inputs = [video.inputs for video in videos]
        self.ledger = add_counts([video.ledger for video in videos])
        self.peak_cache_bytes = max(video.peak_cache_bytes for video in videos)
        self.memory = {key: max(v.memory[key] for v in videos) for key in videos[0].memory}
        self.text_tokens = max(video.text_tokens for video in videos)
        self.decided = [own for video in videos for own in video.decided]
        self._videos = videos

    def timing(self) -> dict[str, dict[str, Any]]:
        """Per stage the seconds of every video and repeat, with their median and spread.

        `denoise_s` also says which share of its steps was replayed: their times are those of the
        runs that computed them.
        """
        stages = {
            stage: spread([value for video in self._videos for value in video.timing[stage]])
            for stage in self._videos[0].timing
        }
        replayed = sum(video.replayed for video in self._videos)
        stages["denoise_s"]["replayed_share"] = replayed / len(self.steps)
        return stages
