"""Windows that few steps lie in, told once the loaded scheduler has said its timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pab_bench.methods.base import Method
from pab_bench.methods.covered import covered
from pab_bench.methods.windows import StepShare

_FEW = 0.5
"""Share of the steps; the default windows cover 70 % of those of DDIM."""


def window_notices(method: Method, timesteps: Sequence[int]) -> Iterator[str]:
    """Say which windows of timesteps less than half of the steps lie in.

    Args:
        method: a point's; others than rules have no windows.
        timesteps: at every call of the transformer.

    Example:
        >>> from pab_bench.methods.pab import PyramidAttentionBroadcast
        >>> from pab_bench.methods.rules import GapRule, Rules
        >>> rules = Rules(spatial=GapRule(True, (100, 800), 2))
        >>> list(window_notices(PyramidAttentionBroadcast(rules), [900, 500, 50]))
        ['spatial_threshold=[100,800]: 1 of 3 steps lies between them; timesteps go from 900 to 50']
    """
    for own in covered(method, timesteps):
        if isinstance(own.window, tuple) and own.inside < _FEW * own.steps:
            low, high = own.window
            lie = "lies" if own.inside == 1 else "lie"
            yield (
                f"{own.kind}_threshold=[{low},{high}]: {own.inside} of {own.steps} steps {lie} "
                f"between them; timesteps go from {max(timesteps)} to {min(timesteps)}"
            )


def share_notices(method: Method, timesteps: Sequence[int]) -> Iterator[str]:
    """Say what windows by share of the steps came to.

    Args:
        method: a point's.
        timesteps: at every call of the transformer.

    Example:
        >>> from pab_bench.methods.pab import PyramidAttentionBroadcast
        >>> from pab_bench.methods.rules import GapRule, Rules
        >>> rules = Rules(cross=GapRule(True, StepShare(0.3, 1), 2))
        >>> list(share_notices(PyramidAttentionBroadcast(rules), [900, 500, 50]))
        ['cross_threshold=steps:[0.3,1]: 2 of 3 steps, timesteps 500 to 50']
    """
    for own in covered(method, timesteps):
        if isinstance(own.window, StepShare):
            yield str(own)
