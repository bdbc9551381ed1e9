"""Golden runs of diffusers' MagCache, and the ratios that its calibration prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pab_bench.calibration.measuring import Measures
from pab_bench.experiment.video import VideoPlace
from pab_bench.methods.base import Acceleration, Facts
from pab_bench.methods.magcache import MagCache
from pab_bench.methods.tables import baseline_plan

if TYPE_CHECKING:
    from golden.scenes import Scene

    from pab_bench.engine.plan import Plan


class MagCacheReading:
    """The ratios that were given, and the number of steps that was told."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "mag_ratios" in config

    def method(self, run: Mapping[str, Any]) -> MagCache:
        config = run["config"]
        return MagCache(
            ratios=tuple(run["given_mag_ratios"]),
            steps=config["num_inference_steps"],
            threshold=config["threshold"],
            most=config["max_skip_steps"],
            retention=config["retention_ratio"],
        )


@dataclass(frozen=True)
class _Measuring(Acceleration):
    """Computes everything, and measures."""

    made: list[Measures] = field(default_factory=list)

    name: ClassVar[str] = "measuring"

    @property
    def needs(self) -> frozenset[Any]:
        return frozenset({"stack"})

    def plan(self, facts: Facts) -> Plan:
        return baseline_plan(facts)

    def policy(self, facts: Facts) -> Callable[[], Measures]:
        def make() -> Measures:
            self.made.append(Measures(len(facts.stack), modulated=False))
            return self.made[-1]

        return make


def calibrated(scene: Scene, steps: int, guidance: float) -> list[Sequence[float]]:
    """The ratios of every lane, as `task=calibrate` measures them."""
    from golden.followed import follow

    method = _Measuring()
    follow(scene, method, steps, guidance)
    return [own.ratios for own in method.made[-1].changes(VideoPlace(0, "", 0))]
