"""The closed world of crossing objects: ten attributes, one sentence of 23 words, a held-out rule.

Every video shows two objects that move in different directions and cross half-way through, the
front one covering the back one, over a photograph that a camera looks at. The ten attributes
determine the caption, and the caption has always the same number of words, so that the
conditional and the unconditional text embedding have equal length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
PATTERNS = ("plain", "striped", "spotted")
SHAPES = ("circle", "square", "triangle")
DIRECTIONS = ("right", "left", "up", "down")
BACKGROUNDS = ("grass", "gravel", "bricks", "fur", "stars", "launchpad")
CAMERAS = ("stays still", "pans right", "pans left", "zooms in", "zooms out")

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "front_colour": COLOURS,
    "front_pattern": PATTERNS,
    "front_shape": SHAPES,
    "front_direction": DIRECTIONS,
    "back_colour": COLOURS,
    "back_pattern": PATTERNS,
    "back_shape": SHAPES,
    "back_direction": DIRECTIONS,
    "background": BACKGROUNDS,
    "camera": CAMERAS,
}
"""The values of every attribute, in the order of the fields of `CrossingCaption`."""

WORDS = 23
"""Words of every caption."""
HELD_OUT_ONE_IN = 10
"""One of so many combinations, on average, is never seen in training."""


@dataclass(frozen=True, order=True)
class CrossingCaption:
    """One combination of the ten attributes; `text` is the sentence that a model is given.

    The two objects differ in colour and in direction; a combination that does not, or a value
    that is not in `ATTRIBUTES`, is a ValueError.
    """

    front_colour: str
    front_pattern: str
    front_shape: str
    front_direction: str
    back_colour: str
    back_pattern: str
    back_shape: str
    back_direction: str
    background: str
    camera: str

    def __post_init__(self) -> None:
        for name, allowed in ATTRIBUTES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r}: allowed are {list(allowed)}")
        for what in ("colour", "direction"):
            front, back = getattr(self, f"front_{what}"), getattr(self, f"back_{what}")
            if front == back:
                raise ValueError(
                    f"back_{what} {back!r}: the front object has it, too; take another"
                )

    @property
    def text(self) -> str:
        """The caption as an English sentence of `WORDS` words."""
        return (
            f"a {self.front_colour} {self.front_pattern} {self.front_shape} "
            f"moves {self.front_direction} in front of "
            f"a {self.back_colour} {self.back_pattern} {self.back_shape} "
            f"that moves {self.back_direction} over {self.background} "
            f"while the camera {self.camera}"
        )

    @property
    def held_out(self) -> bool:
        """Whether training never sees this combination, a function of the text alone."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return int.from_bytes(digest[:8], "big") % HELD_OUT_ONE_IN == 0

    def indices(self) -> tuple[int, ...]:
        """Index of each attribute's value in its list, in the order of `ATTRIBUTES`."""
        return tuple(ATTRIBUTES[f.name].index(getattr(self, f.name)) for f in fields(self))


def caption_of(indices: Sequence[int]) -> CrossingCaption:
    """The caption that has the given `indices`: the inverse of `CrossingCaption.indices`."""
    values = zip(indices, ATTRIBUTES.values(), strict=True)
    return CrossingCaption(*(allowed[int(index)] for index, allowed in values))


def vocabulary() -> list[str]:
    """Every word that occurs in a caption, in a fixed order."""
    frame = draw_any_caption(np.random.Generator(np.random.PCG64(0))).text
    values = " ".join(value for allowed in ATTRIBUTES.values() for value in allowed)
    return sorted({*frame.split(), *values.split()})


def draw_any_caption(generator: np.random.Generator) -> CrossingCaption:
    """One of all combinations, held out or not, each equally likely."""
    draw = generator.integers(0, _CHOICES)
    for front, back in _DIFFERENT:
        # The back object's draw counts the values after the front one's, round the list.
        draw[back] = (draw[front] + 1 + draw[back]) % _SIZES[back]
    return caption_of(draw.tolist())


def draw_caption(generator: np.random.Generator) -> CrossingCaption:
    """One combination for training, each that is not held out equally likely."""
    while (caption := draw_any_caption(generator)).held_out:
        pass
    return caption


def held_out_captions(count: int) -> list[CrossingCaption]:
    """The first `count` different held-out captions of a fixed random order."""
    generator = np.random.Generator(np.random.PCG64(20250117))
    found: dict[CrossingCaption, None] = {}
    while len(found) < count:
        caption = draw_any_caption(generator)
        if caption.held_out:
            found[caption] = None
    return list(found)


_SIZES = [len(allowed) for allowed in ATTRIBUTES.values()]
_NAMES = list(ATTRIBUTES)
_DIFFERENT = [
    (_NAMES.index(f"front_{what}"), _NAMES.index(f"back_{what}"))
    for what in ("colour", "direction")
]
_CHOICES = np.array(
    [size - (i in {back for _, back in _DIFFERENT}) for i, size in enumerate(_SIZES)]
)
