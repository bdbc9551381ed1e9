"""Times what plans consist of, unless that is known, and keeps it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.experiment.device import resolve_device
from pab_bench.experiment.failures import describe
from pab_bench.experiment.identity import identity
from pab_bench.experiment.provenance import provenance
from pab_bench.experiment.session import open_session, release_memory
from pab_bench.speed.captured import Scene
from pab_bench.speed.timing_pass import PassInput, PassLimits, controls, run_pass
from pab_bench.speed.turns import sample_turns
from pab_bench.speed.wanted import WantedPlan
from pab_bench.timings.call_classes import plan_calls
from pab_bench.timings.estimate import FEWEST_ROUNDS
from pab_bench.timings.key import timings_key
from pab_bench.timings.store import Timings, add_timings, read_timings
from pab_bench.timings.videos import videos_speedup

_log = logging.getLogger(__name__)
TURNS = 4
"""Of whole videos under plans that can be timed in no other way, if the settings want none."""
_ENOUGH_ROUNDS = 200
"""What so many have not made exact, more of them would not either."""


def time_plans(settings: Settings, wanted: Sequence[WantedPlan]) -> Timings:
    """Time the calls of plans, and whole videos if the settings say so; known times are kept.

    Args:
        settings: the model, its input and machine, which all plans share, and how exact it is to
            be.
        wanted: the plans; a control is timed with them in any case.

    Returns:
        All that is known, also in the results folder. If it could not be measured, `reason` says
        why.
    """
    key = key_here(settings)
    known = read_timings(settings.results_dir, key)
    new = {plan.name: plan.timed() for plan in wanted if not plan.by_videos_only}
    both = replace(known, plans={**known.plans, **new})
    missing = {name: new[name] for name in new if not _is_exact(both, name, settings)}
    added = Timings(key, new)
    if missing and settings.speed.calls:
        added = _time_calls(added, known, settings, [w for w in wanted if w.name in missing])
    in_turns = {w.name: w for w in wanted if settings.speed.turns or _only_by_videos(w, known)}
    if in_turns and not added.reason:
        both = replace(both, passes=(*known.passes, *added.passes))
        try:
            some = replace(settings.speed, turns=settings.speed.turns or TURNS)
            turns = sample_turns(replace(settings, speed=some), in_turns, both)
            added = replace(added, videos=turns)
        except Exception as error:  # What was measured of calls stands without them.
            added = replace(added, reason=_reason("whole videos", error))
    if replace(added, plans={}) == Timings(key) and all(known.plans.get(n) == new[n] for n in new):
        return known
    return add_timings(settings.results_dir, added, settings.store.locks)


def _only_by_videos(wanted: WantedPlan, known: Timings) -> bool:
    """Whether whole videos are the only way to time a plan, and were not yet sampled."""
    return wanted.by_videos_only and videos_speedup(wanted.name, known.videos) is None


def key_here(settings: Settings) -> dict[str, Any]:
    """What determines how long calls of a point take in this process; see `timings_key`.

    Raises:
        ConfigError: if the device is not here.
    """
    config = identity(settings, "")
    own = provenance(resolve_device(settings.device), settings.dtype)
    threads = config.get("arithmetic", {}).get("threads", own["threads"])
    return timings_key(config, {**own, "threads": threads})


def _time_calls(
    added: Timings,
    known: Timings,
    settings: Settings,
    wanted: Sequence[WantedPlan],
) -> Timings:
    limits = PassLimits(settings.speed.precision, settings.speed.budget_s)
    try:
        given = _input(added, known, settings, wanted)
        print(
            f"timing {len(given.classes)} kinds of calls in turns, for at most "
            f"{limits.budget_s:g} s (speed.budget_s)",
            file=sys.stderr,
            flush=True,
        )
        timed = run_pass(given, limits)
    except Exception as error:  # Videos and their quality stand without it, and other models.
        return replace(added, reason=_reason("calls", error))
    if timed is None:
        return replace(
            added,
            reason=(
                f"{limits.budget_s:g} s were not enough for {FEWEST_ROUNDS} rounds of "
                f"{len(given.classes)} kinds of calls (speed.budget_s)"
            ),
        )
    return replace(added, passes=(timed,))


def _input(
    added: Timings, known: Timings, settings: Settings, wanted: Sequence[WantedPlan]
) -> PassInput:
    session = open_session(settings)
    text, _ = session.encode(settings.prompts[0])
    noise = session.sampler.noise(settings.seeds[0])
    plans = [added.plans[one.name] for one in wanted]
    classes = [k for one in wanted for k in plan_calls(one.plan, one.keeping).classes]
    return PassInput(
        scene=Scene(session.sampler, text, noise, settings.guidance),
        device=session.device,
        steps=sorted({steps for p in plans for steps in (p.steps, p.baseline_steps or p.steps)}),
        classes=list(dict.fromkeys(classes)),
        plans=[*plans, *controls(plans)],
        before=known.passes,
    )


def _reason(what: str, error: Exception) -> str:
    """Why something could not be timed, as it is kept; it is logged, and its memory given back."""
    _log.warning("%s could not be timed: %s", what, error, exc_info=error)
    release_memory()
    told = describe(error)
    return f"{told['type']}: {told['message']}"


def _is_exact(timings: Timings, name: str, settings: Settings) -> bool:
    found = timings.speed(name)
    if found is None:
        return False
    return found.speedup.half_width <= settings.speed.precision or found.rounds >= _ENOUGH_ROUNDS
