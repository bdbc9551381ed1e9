"""The layouts that there are."""

from __future__ import annotations

from typing import Any

from pab_bench.parallel.latte_kinds import LatteLayout
from pab_bench.parallel.layout import Layout
from pab_bench.parallel.stdit3 import STDiT3Layout

LAYOUTS: tuple[Layout, ...] = (STDiT3Layout(), LatteLayout())


def layout_of(transformer: Any) -> Layout | None:
    """The layout of a transformer's class, or of one that it is derived from; None if unknown."""
    names = [kind.__name__ for kind in type(transformer).__mro__]
    return next((layout for layout in LAYOUTS if not set(names).isdisjoint(layout.classes)), None)
