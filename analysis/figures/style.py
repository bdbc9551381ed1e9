"""How all figures look: colours, sizes, and settings that keep the files byte-stable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito's palette: told apart with any kind of colour vision, and in print.
KIND_COLOURS = {
    "spatial": "#0072B2",
    "temporal": "#D55E00",
    "cross": "#009E73",
    "mlp": "#CC79A7",
}
KIND_NAMES = {"spatial": "Spatial", "temporal": "Temporal", "cross": "Cross", "mlp": "MLP"}
# Markers repeat what the colours say, for prints in grey.
KIND_MARKERS = {"spatial": "o", "temporal": "s", "cross": "^", "mlp": "D"}
INK = "#222222"
MUTED = "#8A8A8A"
SHADE = "#EFEFEF"
ACCENT = "#0072B2"
FAULT = "#B3261E"

# Inches: one and two columns of a two-column paper.
PAGE = 7.0

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # It travels with matplotlib: the same on every machine.
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # Fonts are embedded as TrueType, which publishers ask for.
    "svg.hashsalt": "pab_bench",
    "image.cmap": "viridis",
    "image.composite_image": False,  # Pictures keep their own resolution in a PDF.
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults with our settings, whatever the user has set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function that makes a figure run in our style."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, without any window or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def lay_out(figure: Figure) -> None:
    """Put everything where a drawing would put it, without drawing."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def title(figure: Figure, text: str) -> None:
    """A title at the left edge."""
    figure.suptitle(text, x=0.01, ha="left")


def whole_steps(axes: Axes) -> None:
    """Ticks at whole steps only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def timestep_axis(axes: Axes, steps: list[int], timesteps: list[int], count: int = 5) -> None:
    """Show the scheduler's timesteps at the top of an axis of steps."""
    last = len(steps) - 1
    places = sorted({round(i * last / max(count - 1, 1)) for i in range(count)}) if steps else []
    top = axes.secondary_xaxis("top")
    top.set_xticks([steps[i] for i in places], [str(timesteps[i]) for i in places])
    top.spines["top"].set_visible(False)
    top.tick_params(length=2, colors=MUTED)
    top.set_xlabel("timestep", color=MUTED)
