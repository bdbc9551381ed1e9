"""Speeds that follow from timings that are there, of plans that nobody has timed."""

from __future__ import annotations

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.errors import ConfigError
from pab_bench.speed.plans import key_here
from pab_bench.speed.wanted import wanted_plan
from pab_bench.timings.estimate import Speed
from pab_bench.timings.store import Timings, read_timings, timings_path


class KnownSpeeds:
    """Reads each file of timings once."""

    def __init__(self) -> None:
        self._files: dict[str, Timings] = {}

    def speed(self, settings: Settings, plan: Plan, first: int = 0) -> Speed | None:
        """The speed of a plan in this process; None if classes of its calls were not timed here.

        None, too, of methods that leave out more than sites, or steps of their baseline.

        Args:
            settings: the point.
            plan: its decisions.
            first: the first call that counts, where those before it are not made.
        """
        others = settings.method.sampled_steps(settings.steps) != settings.steps
        if others or not plan.sites_only:
            return None
        try:
            key = key_here(settings)
        except ConfigError:  # A device that is not here.
            return None
        path = str(timings_path(settings.results_dir, key))
        if path not in self._files:
            self._files[path] = read_timings(settings.results_dir, key)
        return self._files[path].speed_of(wanted_plan(settings, plan).timed(first))
