"""Names beside points of a scatter plot that do not lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from analysis.figures.style import INK, MUTED, lay_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
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
    figure = cast("Figure", axes.figure)
    lay_out(figure)
    from matplotlib.text import Text

    renderer = cast("FigureCanvasAgg", figure.canvas).get_renderer()
    pixels: Any = axes.transData.transform(list(points)) if points else []
    taken = _boxes(pixels, 4)
    for line in axes.lines:
        taken = np.vstack([taken, _boxes(_along(line), 1)])
    inside = axes.get_window_extent(renderer)
    for point, label in zip(points, labels, strict=True):
        texts = (_write(axes, point, label, offset) for offset in _OFFSETS)
        for text in texts:
            # Of the letters: an annotation's own box takes its arrow in, and so the point.
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer)
            within = inside.x0 <= box.x0 and box.x1 <= inside.x1 + 2 and box.y0 >= inside.y0
            if within and box.y1 <= inside.y1 and not _overlaps(box, taken):
                taken = np.vstack([taken, box.extents])
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


def _boxes(pixels: Any, radius: float) -> npt.NDArray[np.float64]:
    """Left, bottom, right and top of the squares around some places, one row each."""
    places = np.asarray(pixels, dtype=float).reshape(-1, 2)
    return np.hstack([places - radius, places + radius])


def _overlaps(box: Bbox, taken: npt.NDArray[np.float64]) -> bool:
    left, bottom, right, top = taken.T
    apart = (right < box.x0) | (left > box.x1) | (top < box.y0) | (bottom > box.y1)
    return not bool(apart.all())
