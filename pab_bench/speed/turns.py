"""Samples whole videos in turns with their baseline's, to judge what follows from single calls."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import torch

from pab_bench.audit.enabling import Enabled
from pab_bench.config.settings import Settings
from pab_bench.engine.engine import Engine
from pab_bench.engine.plan import Plan
from pab_bench.engine.policy import Policy
from pab_bench.experiment.identity import baseline_of
from pab_bench.experiment.session import Session, open_session
from pab_bench.methods.base import plan_of
from pab_bench.speed.clocks import CallClock, ProcessClock, TooNoisy, first_clock, one_thread
from pab_bench.speed.wanted import WantedPlan
from pab_bench.systems.base import lanes_of
from pab_bench.timings.call_classes import Keeping
from pab_bench.timings.store import Timings
from pab_bench.timings.videos import BASELINE_VIDEOS, TimedVideos

_log = logging.getLogger(__name__)
_TRIES = 3
"""So often a video is sampled at most, where others disturb it."""
_TOGETHER = 4
"""So many plans share a turn at most: beside its baseline, not half an hour after it."""


def sample_turns(
    settings: Settings, wanted: Mapping[str, WantedPlan], known: Timings
) -> tuple[TimedVideos, ...]:
    """Denoise the first video of the settings under every plan, twice a turn.

    A video that was disturbed is sampled again. Where others disturb it every time, wall time means
    nothing: then all is timed by one thread and its processor time.

    Args:
        settings: which video, and how many turns.
        wanted: the plans by name; those of one number of steps, with one baseline, are sampled in
            turns, a few of them together.
        known: by which clock their calls were timed: the same is used.

    Returns:
        The turns of each of these.
    """
    found = []
    session = open_session(settings)
    ways = {name: (p.steps, p.baseline_steps or p.steps) for name, p in wanted.items()}
    for steps in sorted(set(ways.values())):
        names = [name for name in wanted if ways[name] == steps]
        for start in range(0, len(names), _TOGETHER):
            own = {name: wanted[name] for name in names[start : start + _TOGETHER]}
            found.append(_by_a_clock(settings, session, own, steps, known))
    return tuple(found)


def _by_a_clock(
    settings: Settings,
    session: Session,
    wanted: Mapping[str, WantedPlan],
    steps: tuple[int, int],
    known: Timings,
) -> TimedVideos:
    clocks = {timed.clock for timed in known.passes}
    clocks = {speed.clock for name in wanted if (speed := known.speed(name)) is not None} or clocks
    if clocks != {"cpu"}:
        try:
            return _turns(settings, session, wanted, steps, first_clock(session.device))
        except TooNoisy:
            _log.info("wall time is disturbed: whole videos are timed by their processor time")
    with one_thread():
        return _turns(settings, session, wanted, steps, ProcessClock())


def _turns(
    settings: Settings,
    session: Session,
    wanted: Mapping[str, WantedPlan],
    steps: tuple[int, int],
    clock: CallClock,
) -> TimedVideos:
    """All turns of plans with one baseline.

    Raises:
        TooNoisy: if a video was disturbed every time.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    shuffle = random.Random(0)
    own_steps, baseline_steps = steps
    baseline = plan_of(baseline_of(settings).method, session.sampler, baseline_steps)
    text, _ = session.encode(settings.prompts[0])
    noise = session.sampler.noise(settings.seeds[0])
    lanes = lanes_of(session.sampler, settings.guidance)

    def timed(steps: int) -> float | None:
        start = clock.mark()
        session.sampler.denoise(text, noise, steps, settings.guidance, lambda step: None)
        end = clock.mark()
        return None if clock.disturbed(start, end) else clock.seconds(start, end)

    def denoise(
        plan: Plan, keeping: Keeping, steps: int, policy: Callable[[], Policy] | None = None
    ) -> float | None:
        architecture = session.sampler.architecture
        kept, cache = keeping.broadcast_object, keeping.cache
        engine = Engine(architecture, plan, kept, lanes=lanes, cache=cache, policy=policy)
        with engine:
            found = timed(steps)
            engine.ledger.check(plan)
        return found

    def sample(name: str) -> float | None:
        chosen = wanted.get(name)
        if chosen is None:
            return denoise(baseline, Keeping(), baseline_steps)
        if chosen.external is not None:  # As its users run it: nothing watches.
            with Enabled(session.sampler, chosen.external):
                return timed(own_steps)
        return denoise(chosen.plan, chosen.keeping, own_steps, chosen.policy)

    def undisturbed(name: str) -> float:
        for _ in range(_TRIES):
            seconds = sample(name)
            if seconds is not None:
                return seconds
        raise TooNoisy

    turns: list[dict[str, Sequence[float]]] = []
    for _ in range(settings.speed.turns):
        names = [BASELINE_VIDEOS, *wanted]
        shuffle.shuffle(names)
        seconds: dict[str, list[float]] = {}
        for name in [*names, *reversed(names)]:
            seconds.setdefault(name, []).append(undisturbed(name))
        turns.append({name: tuple(both) for name, both in seconds.items()})
    _log.info("%d turns of %d videos", len(turns), len(wanted) + 1)
    return TimedVideos(clock.name, torch.get_num_threads(), created, turns)
