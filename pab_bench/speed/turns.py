"""Samples whole videos in turns with their baseline's, to judge what follows from single calls."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from pab_bench.speed.clocks import CallClock, ProcessClock, first_clock
from pab_bench.speed.wanted import WantedPlan
from pab_bench.systems.base import lanes_of
from pab_bench.timings.call_classes import Keeping
from pab_bench.timings.rounds import ClockName
from pab_bench.timings.store import Timings
from pab_bench.timings.videos import BASELINE_VIDEOS, TimedVideos

_log = logging.getLogger(__name__)
_TRIES = 3
"""So many times the turns that are wanted are begun at most, where others disturb them."""


def sample_turns(
    settings: Settings, wanted: Mapping[str, WantedPlan], known: Timings
) -> tuple[TimedVideos, ...]:
    """Denoise the first video of the settings under every plan, twice a turn.

    Args:
        settings: which video, and how many turns.
        wanted: the plans by name; all of one number of steps, with one baseline, are sampled in
            turns.
        known: by which clock their calls were timed: the same is used.

    Returns:
        The turns of each of these. What was disturbed is left out.
    """
    found = []
    session = open_session(settings)
    ways = {name: (p.steps, p.baseline_steps or p.steps) for name, p in wanted.items()}
    for steps in sorted(set(ways.values())):
        own = {name: plan for name, plan in wanted.items() if ways[name] == steps}
        clocks = {speed.clock for name in own if (speed := known.speed(name)) is not None}
        with _clock(session.device, "cpu" if clocks == {"cpu"} else "wall") as clock:
            found.append(_turns(settings, session, own, steps, clock))
    return tuple(found)


@contextmanager
def _clock(device: str, name: ClockName) -> Iterator[CallClock]:
    if name != "cpu":
        yield first_clock(device)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield ProcessClock()
    finally:
        torch.set_num_threads(threads)


def _turns(
    settings: Settings,
    session: Session,
    wanted: Mapping[str, WantedPlan],
    steps: tuple[int, int],
    clock: CallClock,
) -> TimedVideos:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    shuffle = random.Random(0)
    own_steps, baseline_steps = steps
    baseline = plan_of(baseline_of(settings).method, session.sampler, baseline_steps)
    text, _ = session.encode(settings.prompts[0])
    noise = session.sampler.noise(settings.seeds[0])
    lanes = lanes_of(session.sampler, settings.guidance)

    def timed(steps: int) -> tuple[float, bool]:
        start = clock.mark()
        session.sampler.denoise(text, noise, steps, settings.guidance, lambda step: None)
        end = clock.mark()
        return clock.seconds(start, end), clock.disturbed(start, end)

    def denoise(
        plan: Plan, keeping: Keeping, steps: int, policy: Callable[[], Policy] | None = None
    ) -> tuple[float, bool]:
        architecture = session.sampler.architecture
        kept, cache = keeping.broadcast_object, keeping.cache
        engine = Engine(architecture, plan, kept, lanes=lanes, cache=cache, policy=policy)
        with engine:
            found = timed(steps)
            engine.ledger.check(plan)
        return found

    turns: list[dict[str, Sequence[float]]] = []
    for _ in range(_TRIES * settings.speed.turns):
        if len(turns) == settings.speed.turns:
            break
        names = [BASELINE_VIDEOS, *wanted]
        shuffle.shuffle(names)
        order = [*names, *reversed(names)]
        seconds: dict[str, list[float]] = {}
        disturbed = False
        for name in order:
            chosen = wanted.get(name)
            if chosen is None:
                took, other = denoise(baseline, Keeping(), baseline_steps)
            elif chosen.external is not None:  # As its users run it: nothing watches.
                with Enabled(session.sampler, chosen.external):
                    took, other = timed(own_steps)
            else:
                took, other = denoise(chosen.plan, chosen.keeping, own_steps, chosen.policy)
            seconds.setdefault(name, []).append(took)
            disturbed |= other
        if not disturbed:
            turns.append({name: tuple(both) for name, both in seconds.items()})
    _log.info("%d turns of %d videos", len(turns), len(wanted) + 1)
    return TimedVideos(clock.name, torch.get_num_threads(), created, turns)
