"""What is made of a sweep, one product after the other, whatever happens to the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import NothingToShow

if TYPE_CHECKING:
    from analysis.data import SweepData
    from analysis.figures.catalog import Drawing

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Product:
    """Something that is made.

    Attributes:
        make: makes it and names its files.
        remove: removes its files where it can no longer be made, so that none is out of date.
    """

    make: Callable[[], list[Path]]
    remove: Callable[[], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a product: files, or why there are none.

    Attributes:
        written: the files.
        skipped: what there is no data for.
        failure: the error that stopped it.
    """

    written: tuple[Path, ...] = ()
    skipped: str | None = None
    failure: str | None = None


def attempt(name: str, product: Product) -> Outcome:
    """Make a product; an error is reported, since one product's must not cost the others."""
    try:
        return Outcome(tuple(product.make()))
    except NothingToShow as reason:
        product.remove()
        return Outcome(skipped=str(reason))
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        _log.warning("%s could not be made: %s", name, failure, exc_info=error)
        product.remove()
        return Outcome(failure=failure)


def figures(data: SweepData, formats: Sequence[str]) -> dict[str, Product]:
    """The figures of a sweep, by name, in its folder `figures`, each as a file per format."""
    from analysis.figures.catalog import drawings
    from analysis.figures.save import remove

    folder = data.sweep.directory / "figures"
    return {
        f"figures/{drawing.name}": Product(
            partial(_draw, drawing, folder, formats), partial(remove, folder, drawing.name)
        )
        for drawing in drawings(data)
    }


def _draw(drawing: Drawing, folder: Path, formats: Sequence[str]) -> list[Path]:
    from analysis.figures.save import save

    return save(drawing.draw(), folder, drawing.name, formats)
