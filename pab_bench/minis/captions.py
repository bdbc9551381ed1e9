"""The closed world of the embedded minis: six attributes, one sentence, a held-out split.

Every video of the procedural data set shows one coloured shape that moves over a background.
Its six attributes determine its caption, and the caption has always the same number of words, so
that the conditional and the unconditional text embedding have equal length.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields

import numpy as np

SHAPES = ("circle", "square", "triangle")
COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
BACKGROUNDS = ("black", "gray", "brown", "teal", "gradient", "checkered")
DIRECTIONS = ("right", "left", "up", "down")
SIZES = ("small", "large")
SPEEDS = ("slowly", "quickly")

HELD_OUT_SHARE = 0.1
"""Share of the attribute combinations that training never sees."""


@dataclass(frozen=True, order=True)
class Caption:
    """One combination of the six attributes; `text` is the sentence that a model is given."""

    shape: str
    colour: str
    background: str
    direction: str
    size: str
    speed: str

    @property
    def text(self) -> str:
        """The caption as an English sentence of eleven words."""
        return (
            f"a {self.size} {self.colour} {self.shape} moves {self.direction} {self.speed} "
            f"over a {self.background} background"
        )

    def indices(self) -> tuple[int, ...]:
        """Index of each attribute's value in its list, in the order of `ATTRIBUTES`."""
        return tuple(ATTRIBUTES[f.name].index(getattr(self, f.name)) for f in fields(self))


ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "background": BACKGROUNDS,
    "direction": DIRECTIONS,
    "size": SIZES,
    "speed": SPEEDS,
}


def all_captions() -> list[Caption]:
    """All 1,728 combinations, in a fixed order."""
    return [Caption(*values) for values in itertools.product(*ATTRIBUTES.values())]


def split_captions() -> tuple[list[Caption], list[Caption]]:
    """The captions for training and the held-out ones (disjoint, the same on every machine)."""
    captions = all_captions()
    order = np.random.Generator(np.random.PCG64(20240823)).permutation(len(captions))
    held_out = {int(i) for i in order[: round(HELD_OUT_SHARE * len(captions))]}
    train = [c for i, c in enumerate(captions) if i not in held_out]
    # In the permutation's order, so that the first n held-out prompts are a fair sample.
    return train, [captions[int(i)] for i in order[: len(held_out)]]


def vocabulary() -> list[str]:
    """Every word that occurs in a caption, in a fixed order."""
    words = {word for caption in all_captions() for word in caption.text.split()}
    return sorted(words)
