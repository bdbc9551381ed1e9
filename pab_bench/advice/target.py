"""What the rules are to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pab_bench.advice.surrogate import LEAST_LOSS, METRICS, Surrogate, loss_of
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import Rules
from pab_bench.store.records import Record

GIGABYTE = 10**9

HOW_TO = """\
task=advise needs a target:
  python -m pab_bench task=advise advise.max_lpips=0.01       the cheapest rules of this quality
  python -m pab_bench task=advise advise.min_speedup=1.3      the best rules of this cost
  python -m pab_bench task=advise preset=pab236               rules that beat these"""


@dataclass(frozen=True)
class Target:
    """Bounds that rules must keep. With a `speedup`, quality is to be best, else the cost.

    Attributes:
        worst: per metric the worst value that is good enough.
        speedup: the smallest ratio of operations, baseline over rules; None = any.
        most_bytes: what broadcasting may hold; None = any.
        to_beat: whether `worst` is what other rules reach, which are to be beaten.
    """

    worst: Mapping[str, float] = field(default_factory=dict)
    speedup: float | None = None
    most_bytes: int | None = None
    to_beat: bool = False

    def in_words(self) -> str:
        """As it is written in reports."""
        signs = {"lpips": "LPIPS at most {:.5g}", "psnr": "PSNR at least {:.5g} dB"}
        words = [signs[metric].format(value) for metric, value in self.worst.items()]
        if self.speedup is not None:
            words.append(f"at least {self.speedup:g} times fewer operations")
        if self.most_bytes is not None:
            words.append(f"at most {self.most_bytes / GIGABYTE:g} GB held")
        return ", ".join(words)

    def largest_error(self, surrogate: Surrogate) -> float:
        """The largest error of the surrogate at which every metric is predicted good enough."""
        bounds = [
            surrogate.error_at(metric, max(loss_of(metric, value), LEAST_LOSS[metric]))
            for metric, value in self.worst.items()
        ]
        return min(bounds, default=float("inf"))

    def near(self) -> float | None:
        """The LPIPS around which predictions must be best, if it is known."""
        found = self.worst.get("lpips")
        return None if found is None else max(found, LEAST_LOSS["lpips"])

    def is_met(self, record: Record) -> bool:
        """Whether a sampled point keeps all bounds."""
        values = measured(record)
        good = all(
            values[metric] <= bound if metric == "lpips" else values[metric] >= bound
            for metric, bound in self.worst.items()
        )
        fast = self.speedup is None or record.cost["flops_ratio"] * self.speedup <= 1
        held = record.peak_cache_bytes
        small = self.most_bytes is None or (held is not None and held <= self.most_bytes)
        return good and fast and small


def measured(record: Record) -> dict[str, float]:
    """The values of the metrics that are predicted."""
    return {metric: float(record.quality[column]["value"]) for metric, column in METRICS.items()}


def has_rules(settings: Settings) -> bool:
    """Whether the settings reuse anything: rules that are to be beaten."""
    rules: dict[str, Any] = settings.method.identity(settings.model.depth)["rules"]
    return any(rule is not None for rule in rules.values())


def rules_to_beat(settings: Settings) -> Rules:
    """The rules of the settings.

    Raises:
        ConfigError: if their method has none.
    """
    method = settings.method
    if not isinstance(method, PyramidAttentionBroadcast):
        raise ConfigError(f"method={method.name}: task=advise finds rules for method=pab")
    return method.rules


def stated_target(settings: Settings) -> Target | None:
    """The target of the keys `advise.*`; None if the settings' rules are to be beaten instead.

    Raises:
        ConfigError: if there is neither, or a contradiction, or something that cannot be predicted.
    """
    rules_to_beat(settings)
    advise = settings.advise
    bounds = {"lpips": advise.max_lpips, "psnr": advise.min_psnr}
    worst = {metric: value for metric, value in bounds.items() if value is not None}
    missing = [metric for metric in METRICS if metric not in settings.metrics]
    if missing:
        raise ConfigError(
            f"metrics.names=[{','.join(settings.metrics)}]: task=advise predicts "
            f"{' and '.join(METRICS)}; add {' and '.join(missing)}"
        )
    if settings.method.broadcast_object == "scores":
        raise ConfigError(
            "broadcast_object=scores: what reused attention scores change is not recorded; "
            "task=advise knows output and ungated"
        )
    ruled = has_rules(settings)
    stated = bool(worst) or advise.min_speedup is not None
    if ruled and stated:
        raise ConfigError(
            "task=advise: rules are to be beaten (preset, pab_file or *_gap), and advise.* states "
            "another target; remove one of them"
        )
    if not ruled and not stated:
        raise ConfigError(HOW_TO)
    if ruled:
        return None
    return Target(worst, advise.min_speedup, bytes_of(settings))


def bytes_of(settings: Settings) -> int | None:
    """The limit of memory in bytes."""
    limit = settings.advise.max_cache_gb
    return None if limit is None else int(limit * GIGABYTE)


def target_of(record: Record, settings: Settings) -> Target:
    """To be at least as good as a sampled point."""
    return Target(measured(record), most_bytes=bytes_of(settings), to_beat=True)
