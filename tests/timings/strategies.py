"""Draws plans of any method there could be, and ways to keep outputs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pab_bench.engine.cache_options import CACHE_DTYPES, CacheOptions
from pab_bench.engine.kinds import (
    BROADCAST_OBJECTS,
    CROSS,
    CROSS_TEMPORAL,
    MLP_SPATIAL,
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
)
from pab_bench.engine.plan import Plan
from pab_bench.timings.call_classes import Keeping

GROUPS = (SPATIAL, TEMPORAL, CROSS, CROSS_TEMPORAL, MLP_SPATIAL, MLP_TEMPORAL)
DEPTHS = st.integers(1, 3)

keepings = st.builds(
    Keeping,
    st.sampled_from(BROADCAST_OBJECTS),
    st.builds(CacheOptions, st.sampled_from((None, *CACHE_DTYPES)), st.sampled_from((None, "cpu"))),
)


@st.composite
def plans(draw, groups=GROUPS, depths=DEPTHS):
    """Every site computes, or reuses what any earlier call has computed."""
    depth, count = draw(depths), draw(st.integers(1, 6))
    own = draw(st.lists(st.sampled_from(groups), min_size=1, unique=True))
    source = {}
    for group in own:
        table = np.zeros((count, depth), dtype=np.int64)
        for block in range(depth):
            computed = []
            for call in range(count):
                # Seldom more than two to choose from, so that calls are often alike.
                table[call, block] = draw(st.sampled_from([*computed[-2:], call]))
                if table[call, block] == call:
                    computed.append(call)
        source[group] = table
    return Plan(tuple(range(900, 900 - count, -1)), depth, source)
