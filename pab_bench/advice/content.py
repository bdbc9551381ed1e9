"""What an advice says, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pab_bench.advice.advisor import Advisor, Trial
from pab_bench.advice.exposure import exposure
from pab_bench.advice.rules_file import rules_text
from pab_bench.advice.space import BLOCK_CUTS, CUTS, rules_of
from pab_bench.advice.surrogate import METRICS, loss_of
from pab_bench.config.settings import Settings
from pab_bench.probes.lagged_difference import held_bytes
from pab_bench.store.records import Record
from pab_bench.timings.points import speed_of_point

SCHEMA = 1
FRONT_ROWS = 60
"""Members of the predicted front that are written, evenly spread over what they save."""


def content(advisor: Advisor) -> dict[str, Any]:
    """Everything that was found; written as `advice.json`."""
    surrogate = advisor.surrogate()
    front = advisor.front(surrogate)
    chosen = advisor.recommended()
    beaten = advisor.to_beat
    settings = advisor.settings
    shown = np.unique(np.linspace(0, len(front.error) - 1, FRONT_ROWS).round().astype(int))
    return {
        "schema": SCHEMA,
        "model": settings.model.name,
        "steps": settings.steps,
        "calls": advisor.baseline_plan.calls,
        "prompts": list(settings.prompts),
        "seeds": list(settings.seeds),
        "broadcast_object": settings.method.broadcast_object,
        "kinds": list(advisor.kinds),
        "baseline": advisor.baseline.id,
        "target": {**asdict(advisor.target), "in_words": advisor.target.in_words()},
        "recommended": None if chosen is None else _trial(chosen, settings),
        "to_beat": None if beaten is None else _trial(beaten, settings),
        "beats": None if beaten is None or chosen is None else beats(chosen, beaten),
        "trials": [_trial(trial, settings) for trial in advisor.trials],
        "agreement": agreement(advisor.trials),
        "surrogate": {
            "group_weights": dict(
                zip((g.name for g in surrogate.groups), surrogate.group_weights, strict=True)
            ),
            "call_weights": surrogate.knots.tolist(),
            "slopes": dict(surrogate.slopes),
            "offsets": dict(surrogate.offsets),
            "leave_one_out": advisor.trust(),
        },
        "front": [_member(advisor, surrogate, front, int(n)) for n in shown],
        "videos": advisor.videos,
        "videos_sampled_now": _sampled_now(advisor),
        "assumptions": assumptions(advisor),
    }


def beats(one: Trial, other: Trial) -> bool:
    """Whether `one` is at least as good in both metrics and cost, and better in one of them."""
    mine, theirs = ([*t.run().losses.values(), t.flops_ratio] for t in (one, other))
    return all(a <= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs


def agreement(trials: list[Trial]) -> dict[str, Any]:
    """How well rules were predicted before they were sampled.

    Returns:
        `runs`; per metric `log_error`, the root mean square of log(predicted / measured loss).
    """
    predicted = [t for t in trials if t.predicted and t.exposure.values.any()]
    result: dict[str, Any] = {"runs": len(predicted)}
    for metric in METRICS if predicted else ():
        logs = [
            np.log(
                max(loss_of(metric, t.predicted[metric]), 1e-12)
                / max(loss_of(metric, t.measured[metric]), 1e-12)
            )
            for t in predicted
        ]
        result[metric] = {"log_error": float(np.sqrt(np.mean(np.square(logs))))}
    return result


def assumptions(advisor: Advisor) -> list[str]:
    """What the predictions take for granted, in words."""
    advise, lags = advisor.settings.advise, advisor.lags
    sites = [lags.elements[group] for group in lags.mse for _ in range(advisor.baseline_plan.depth)]
    held = held_bytes(sites, advise.max_lag, advise.elements) / 1e6
    exact = all(total <= advise.elements for total in lags.elements.values())
    return [
        f"The model has {', '.join(advisor.kinds)}; other kinds have no rule.",
        "Differences are the baseline's own: what a reuse does to later outputs, and several "
        "reuses to each other, is not in them but in the fitted weights.",
        f"They are averages over {len(advisor.baseline.inputs)} videos, at lags up to "
        f"{lags.longest} calls"
        + (", exact" if exact else f", of at most {advise.elements} numbers of each output")
        + f"; the recorder held {held:.1f} MB. What is older counts as lag {lags.longest}: a lower "
        "bound.",
        "Amplitudes of errors add up over the calls of a site, squares over sites, "
        "weighted by group and by call, not by block.",
        "What different kinds reuse at the same call is taken as unrelated. On the embedded Latte "
        "rules with one gap for all kinds lost less than that, and with several gaps more.",
        "The logarithm of a loss is linear in that of the error: near saturation (unrecognisable "
        "videos) losses are overestimated, but still ordered.",
        f"Windows begin and end at {CUTS} places among the timesteps, ranges of blocks at up to "
        f"{BLOCK_CUTS} + 1, gaps go up to {lags.longest + 1}; both branches' MLPs share a rule.",
        "Rules are chosen by operations of the transformer; the speedup of those that are chosen "
        "comes from calls that were timed afterwards.",
        "What holds for these prompts, seeds, steps, size and guidance need not hold for others.",
    ]


def _trial(trial: Trial, settings: Settings) -> dict[str, Any]:
    denoise = trial.record.timing.get("denoise_s", {})
    return {
        "name": trial.name,
        "rules": rules_text(trial.rules),
        "point": trial.record.id,
        "predicted": dict(trial.predicted),
        "measured": trial.measured,
        "flops_ratio": trial.flops_ratio,
        "operations_speedup": 1 / trial.flops_ratio,
        "speed": _speed(trial.record, settings),
        "cache_bytes": trial.record.peak_cache_bytes,
        "replayed_share": denoise.get("replayed_share"),
        "beyond_known_lags": trial.exposure.beyond,
        "was_there": trial.was_there,
    }


def _speed(record: Record, settings: Settings) -> dict[str, Any] | None:
    """What its timed calls say; None where they were not timed."""
    speed = speed_of_point(settings.results_dir, record)
    return None if speed is None else asdict(speed)


def _member(advisor: Advisor, surrogate: Any, front: Any, number: int) -> dict[str, Any]:
    rules = rules_of(front.chosen[number])
    shown = exposure(advisor.plan_of(rules), advisor.lags)
    return {
        "rules": rules_text(rules),
        "flops_ratio": 1 - int(front.saved[number]) / advisor.prices.baseline,
        "error": float(front.error[number]),
        "predicted": advisor.predict(surrogate, shown) if surrogate.offsets else {},
        "cache_bytes_at_most": int(front.held[number]),
    }


def _sampled_now(advisor: Advisor) -> int:
    each = len(advisor.baseline.inputs)
    fresh = sum(not trial.was_there for trial in advisor.trials)
    return each * (fresh + (not advisor.baseline_was_there)) + advisor.lags.recorded
