"""Checks, before anything is started, that the ranks there are can share the videos asked for."""

from __future__ import annotations

from collections.abc import Iterable

from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.experiment.ranks import count
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.systems.registry import get_blueprint


def check_shareable(points: Iterable[Settings]) -> None:
    """Check every point whose videos ranks are to share; one model and method once.

    Heads are read from the model without weights; where its shapes are not known before it is
    loaded, they are checked then.

    Raises:
        ConfigError: naming the key, the number of ranks and what is allowed.
    """
    checked = set()
    for settings in points:
        key = settings.model, settings.parallel
        if settings.parallel.is_on and key not in checked:
            checked.add(key)
            _check(settings)


def _check(settings: Settings) -> None:
    own, ranks = settings.parallel, count()
    named = f"parallel.method={own.method}"
    if own.guidance:
        named = "parallel.guidance=true"
    if ranks == 1:
        problem = (
            "needs several ranks: start with torchrun --standalone --nproc_per_node=N -m pab_bench"
        )
        raise InvalidSettings([Problem(named, problem)])
    if own.guidance and ranks % 2:
        raise InvalidSettings([Problem(named, f"needs an even number of ranks, there are {ranks}")])
    if own.method == "none" and ranks > 2:
        problem = (
            f"alone it is for 2 ranks, there are {ranks}; with parallel=dsp the halves are split"
        )
        raise InvalidSettings([Problem(named, problem)])
    # Only now: it needs torch.
    from pab_bench.experiment.shared_video import layout_for

    try:
        blueprint = get_blueprint(settings.model, settings.dtype)
    except InvalidSettings:
        raise
    except ConfigError:  # Its shapes are known once it is loaded.
        return
    layout_for(blueprint.architecture.transformer, own, ranks)
