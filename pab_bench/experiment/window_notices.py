"""Windows that few steps lie in, told once the loaded scheduler has said its timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pab_bench.methods.base import Method
from pab_bench.methods.rules import GapRule, Rules

_FEW = 0.5
"""Share of the steps; the default windows cover 70 % of those of DDIM."""


def window_notices(method: Method, timesteps: Sequence[int]) -> Iterator[str]:
    """Say which windows less than half of the steps lie in.

    Args:
        method: a point's; others than rules have no windows.
        timesteps: at every call of the transformer.

    Example:
        >>> from pab_bench.methods.pab import PyramidAttentionBroadcast
        >>> rules = Rules(spatial=GapRule(True, (100, 800), 2))
        >>> list(window_notices(PyramidAttentionBroadcast(rules), [900, 500, 50]))
        ['spatial_threshold=[100,800]: 1 of 3 steps lies between them; timesteps go from 900 to 50']
    """
    rules = getattr(method, "rules", None)
    if not isinstance(rules, Rules):
        return
    by_key = (
        ("spatial", rules.spatial),
        ("temporal", rules.temporal),
        ("cross", rules.cross),
        ("mlp", rules.mlp_spatial),
    )
    for key, rule in by_key:
        if not isinstance(rule, GapRule) or not rule.skip or rule.gap == 1:
            continue
        low, high = rule.threshold
        within = sum(low < timestep < high for timestep in timesteps)
        if within < _FEW * len(timesteps):
            lie = "lies" if within == 1 else "lie"
            yield (
                f"{key}_threshold=[{low},{high}]: {within} of {len(timesteps)} steps {lie} between "
                f"them; timesteps go from {max(timesteps)} to {min(timesteps)}"
            )
