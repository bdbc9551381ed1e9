"""Names beside points of a scatter plot that do not lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.figures.style import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

# Points away from the marker: near places first, right and above before left and below.
_OFFSETS = [
    (x * r, y * r)
    for r in (5, 11, 19, 29)
    for x, y in ((1, 0.6), (1, -0.6), (-1, 0.6), (-1, -0.6), (0, 1.4), (0, -1.4))
]


def label_points(axes: Axes, points: Sequence[tuple[float, float]], labels: Sequence[str]) -> None:
    """Write each label at the first free place around its point; call it when limits are final."""
    figure = axes.figure
    figure.draw_without_rendering()  # type: ignore[union-attr]
    renderer = cast("FigureCanvasAgg", figure.canvas).get_renderer()
    pixels: Any = axes.transData.transform(list(points)) if points else []
    taken: list[Bbox] = [_box(x, y, 4) for x, y in pixels]
    taken += [_box(x, y, 1) for line in axes.lines for x, y in _along(line)]
    inside = axes.get_window_extent(renderer)
    for point, label in zip(points, labels, strict=True):
        texts = (_write(axes, point, label, offset) for offset in _OFFSETS)
        for text in texts:
            box = text.get_window_extent(renderer)
            within = inside.x0 <= box.x0 and box.x1 <= inside.x1 + 2 and box.y0 >= inside.y0
            if within and box.y1 <= inside.y1 and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            _write(axes, point, label, _OFFSETS[0])


def _write(axes: Axes, point: tuple[float, float], label: str, offset: tuple[float, float]) -> Any:
    x, y = offset
    far = abs(x) + abs(y) > 12
    return axes.annotate(
        label,
        point,
        xytext=offset,
        textcoords="offset points",
        ha="center" if x == 0 else "left" if x > 0 else "right",
        va="bottom" if y > 0 else "top",
        fontsize=6,
        color=INK,
        arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.4} if far else None,
    )


def _along(line: Line2D) -> Any:
    """Places in pixels along a drawn line, close enough that no letter fits between them."""
    corners = line.get_transform().transform(line.get_xydata())
    if line.get_linestyle() == "None" or len(corners) < 2:
        return corners
    return np.concatenate([np.linspace(a, b, 100) for a, b in pairwise(corners)])


def _box(x: float, y: float, radius: float) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox([[x - radius, y - radius], [x + radius, y + radius]])
