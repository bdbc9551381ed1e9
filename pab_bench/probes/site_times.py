"""Where the time of denoising goes: per call and kind, and within attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.overrides import TorchFunctionMode

from pab_bench.engine.attention_functions import FUSED, PRODUCTS, SOFTMAX
from pab_bench.engine.kinds import KINDS, Group
from pab_bench.probes.clock import Clock, clock_of

PARTS = ("attention", "around_attention", "mlp", "rest")
"""Of a transformer call: attention itself (scores, softmax, their product with the values); norms,
modulation, projections and gate around it; the MLPs with theirs; everything else."""

COLUMNS = tuple(f"{name}_s" for name in dict.fromkeys((*KINDS, *PARTS, "transformer")))
"""Seconds, as they are kept."""

_PARTS_OF_ATTENTION = ("attention_s", "around_attention_s")
_ATTENTION = frozenset({FUSED, *PRODUCTS, *SOFTMAX})
Span = tuple[Any, Any]


@dataclass
class _Site:
    group: Group
    block: int
    reused: bool
    start: Any
    end: Any = None
    attention: Sequence[Span] = ()


@dataclass
class _Call:
    lane: int
    call: int
    start: Any
    sites: list[_Site]
    end: Any = None


class SiteTimes:
    """A probe for `Engine` that times every site and every transformer call.

    On a GPU it records events and waits for nothing until `rows` is asked for; elsewhere it reads
    `perf_counter` (see `pab_bench.probes.clock`). It stands in every operation's way, if only for
    microseconds: what it measures are shares, and whole times are measured without it.

    Args:
        device: where the transformer computes.
        inside: whether attention itself is timed apart from what is around it. Compiled modules
            cannot be looked into.
        clock: what times it; None = the usual one of the device.
    """

    def __init__(self, device: str, inside: bool = True, clock: Clock | None = None) -> None:
        self._look_inside = inside
        self._clock = clock or clock_of(device)
        self._calls: list[_Call] = []
        self._inside: _AttentionSpans | None = None

    def begin_call(self, lane: int, call: int) -> None:
        """Mark the start of a transformer call."""
        self._calls.append(_Call(lane, call, self._clock.mark(), []))

    def end_call(self) -> None:
        """Mark its end."""
        self._calls[-1].end = self._clock.mark()

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        """Mark the start of a site."""
        if self._look_inside and group.kind != "mlp":
            self._inside = _AttentionSpans(self._clock)
            self._inside.__enter__()
        self._calls[-1].sites.append(_Site(group, block, reused, self._clock.mark()))

    def end_site(self) -> None:
        """Mark its end."""
        site = self._calls[-1].sites[-1]
        site.end = self._clock.mark()
        if self._inside is not None:
            self._inside.__exit__(None, None, None)
            site.attention = self._inside.spans
            self._inside = None

    def rows(self) -> list[dict[str, float]]:
        """Per call, over its lanes: seconds of each kind (`spatial_s`, ...) and part, and in all.

        The columns are those of `COLUMNS`, without the two parts of attention if it was not looked
        into. `transformer_s` is the sum of `PARTS`, and of `KINDS` and the rest.
        """
        columns = [c for c in COLUMNS if self._look_inside or c not in _PARTS_OF_ATTENTION]
        steps: dict[int, dict[str, float]] = {}
        for call in self._calls:
            row = steps.setdefault(call.call, dict.fromkeys(columns, 0.0))
            whole = self._clock.seconds(call.start, call.end)
            row["transformer_s"] += whole
            row["rest_s"] += whole
            for site in call.sites:
                seconds = self._clock.seconds(site.start, site.end)
                row["rest_s"] -= seconds
                row[f"{site.group.kind}_s"] += seconds
                if self._look_inside and site.group.kind != "mlp":
                    attention = sum(self._clock.seconds(*span) for span in site.attention)
                    row["attention_s"] += attention
                    row["around_attention_s"] += seconds - attention
        return [steps[call] for call in sorted(steps)]


class _AttentionSpans(TorchFunctionMode):
    """Marks the start and end of every function that attention consists of."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self._clock = clock

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func not in _ATTENTION:
            return func(*args, **(kwargs or {}))
        start = self._clock.mark()
        result = func(*args, **(kwargs or {}))
        self.spans.append((start, self._clock.mark()))
        return result
