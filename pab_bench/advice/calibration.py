"""The first real runs: few, and each tells something that the others do not."""

from __future__ import annotations

from collections.abc import Sequence

from pab_bench.advice.space import kinds_of, rules_of
from pab_bench.engine.kinds import Group
from pab_bench.methods.rules import GapRule, Rules

GAP = 4
THIRDS = ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0))
SHARE = 0.6
"""Of the budget that calibration may take."""


def calibration(
    groups: Sequence[Group], timesteps: Sequence[int], budget: int
) -> list[tuple[str, Rules]]:
    """Named rules to sample first, the most telling first.

    All kinds in the middle third, which anchors the level; every kind alone at all calls, which
    tells the kinds apart; all kinds in the first and in the last third, which tells the calls
    apart; all kinds at all calls with gap 2, which tells how the loss grows.

    Args:
        groups: those of the model.
        timesteps: at the calls of the transformer.
        budget: rules that may be sampled altogether; calibration takes `SHARE` of it, at least 1.
    """
    kinds = kinds_of(groups)
    whole = _window(timesteps, (0.0, 1.0))
    early, middle, late = (_window(timesteps, third) for third in THIRDS)

    def everything(window: tuple[int, int], gap: int) -> Rules:
        return rules_of({kind: GapRule(True, window, gap) for kind in kinds})

    found = [("all kinds, middle third", everything(middle, GAP))]
    found += [(f"{kind} alone", rules_of({kind: GapRule(True, whole, GAP)})) for kind in kinds]
    found += [
        ("all kinds, first third", everything(early, GAP)),
        ("all kinds, last third", everything(late, GAP)),
        ("all kinds, gap 2", everything(whole, 2)),
    ]
    return found[: max(1, int(SHARE * budget))]


def _window(timesteps: Sequence[int], shares: tuple[float, float]) -> tuple[int, int]:
    """(low, high), both excluded, around a share of the timesteps, from the noisiest on."""
    distinct = sorted(set(timesteps), reverse=True)
    first, last = (round(share * len(distinct)) for share in shares)
    first = min(first, len(distinct) - 1)
    return distinct[max(last, first + 1) - 1] - 1, distinct[first] + 1
