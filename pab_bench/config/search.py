"""Whether a search by results asks for something that can be meant."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from pab_bench.config.checks import COSTS
from pab_bench.config.settings import Settings
from pab_bench.problems import Problem, show


def check_search(settings: Settings, sweeper: DictConfig) -> list[Problem]:
    """What is wrong with the objectives of a search.

    Args:
        settings: what all of its points share.
        sweeper: `hydra.sweeper`; its `direction` is `minimize`, `maximize` or a list of them.
    """
    names = settings.objectives
    if not names:
        return [Problem("objectives=[]", "a search needs a metric or a cost to optimise")]
    few = [key for key in ("n_trials", "n_jobs") if key in sweeper and sweeper[key] < 1]
    if few:
        return [
            Problem(f"hydra.sweeper.{key}={sweeper[key]}", "must be a whole number of at least 1")
            for key in few
        ]
    direction = sweeper.get("direction")
    given = list(direction) if OmegaConf.is_list(direction) else [direction]
    # Optuna's sweeper has an enumeration for its default.
    found = [str(getattr(one, "name", one)) for one in given]
    if len(found) != len(names):
        return [
            Problem(
                f"hydra.sweeper.direction={show(found)}",
                f"must have one direction for each of objectives={show(list(names))}",
            )
        ]
    return [
        Problem(
            f"hydra.sweeper.direction={show(found)}",
            f"{name} is better when {'higher' if wanted == 'maximize' else 'lower'}: {wanted}",
        )
        for name, given in zip(names, found, strict=True)
        if (wanted := _better(name)) is not None and given != wanted
    ]


def _better(name: str) -> str | None:
    from pab_bench.metrics.registry import METRICS

    higher = COSTS[name] if name in COSTS else METRICS[name].higher_is_better
    return None if higher is None else "maximize" if higher else "minimize"
