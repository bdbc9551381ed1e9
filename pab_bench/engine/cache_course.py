"""What a plan holds at every moment of a video, followed without sampling anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan

Sites = Sequence[tuple[Group, int, int]]
"""Group, block and bytes of what is kept of it, in the order in which a call visits them."""


class Change(NamedTuple):
    """A site has put something into the cache, or taken it out.

    Attributes:
        group: the site's group.
        bytes: by how much more is held now; negative where something is let go.
        held: bytes that are held in all, after it.
    """

    group: Group
    bytes: int
    held: int


def cache_course(plan: Plan, sites: Sites, lanes: int = 1) -> Iterator[list[Change]]:
    """Follow the plan through all calls, site by site.

    Args:
        plan: the decisions.
        sites: what each site keeps.
        lanes: transformer calls per denoising step, each of which keeps its own outputs.

    Yields:
        Per call of the plan the changes in it, in their order, over all lanes.
    """
    source = {group: table.tolist() for group, table in plan.source.items()}
    last_use = {group: plan.last_use(group).tolist() for group in plan.source}
    held = 0
    for call in range(plan.calls):
        changes = []
        for group, block, size in [*sites] * lanes:
            origin = source[group][call][block]
            last = last_use[group][origin][block]
            if origin == call < last:
                held += size
                changes.append(Change(group, size, held))
            elif origin < call == last:
                held -= size
                changes.append(Change(group, -size, held))
        yield changes
