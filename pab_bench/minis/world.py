"""The two procedural worlds of the minis, with what evaluates a model that was trained on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pab_bench.minis import captions, checker, render
from pab_bench.minis.crossing import captions as crossing_captions
from pab_bench.minis.crossing import checker as crossing_checker
from pab_bench.minis.crossing import render as crossing_render


@dataclass(frozen=True)
class World:
    """A procedural data set; captions and readings are its own classes.

    Attributes:
        attributes: by name the values of what a caption says.
        held_out: so many captions that training never sees.
        render: captions, a source of jitter and a number of frames to clips with a `video`.
        read: a video (frames, height, width, 3) in [0, 1] to what the checker sees.
        hit_rates: readings and captions to the share that agrees, per attribute and for all.
        validate: the checker's own rates on rendered videos of captions.
    """

    attributes: Mapping[str, Sequence[str]]
    held_out: Callable[[int], list[Any]]
    render: Callable[[list[Any], np.random.Generator, int], Any]
    read: Callable[[torch.Tensor], Any]
    hit_rates: Callable[[list[Any], list[Any]], dict[str, float]]
    validate: Callable[[list[Any]], dict[str, float]]

    @property
    def chance(self) -> dict[str, float]:
        """What guessing each attribute by itself would give."""
        single = {name: 1 / len(values) for name, values in self.attributes.items()}
        return {**single, "all": float(np.prod(list(single.values())))}


MOVING = World(
    attributes=captions.ATTRIBUTES,
    held_out=lambda count: captions.split_captions()[1][:count],
    render=lambda chosen, random, frames: render.render(chosen, random, length=frames),
    read=checker.read_video,
    hit_rates=checker.hit_rates,
    validate=checker.validate,
)
"""One shape that moves over a plain background."""

CROSSING = World(
    attributes=crossing_captions.ATTRIBUTES,
    held_out=crossing_captions.held_out_captions,
    render=lambda chosen, random, frames: crossing_render.render(chosen, random, length=frames),
    read=crossing_checker.read_video,
    hit_rates=crossing_checker.hit_rates,
    validate=crossing_checker.validate,
)
"""Two textured shapes that cross over a photograph, seen by a moving camera."""


def world_of(mini: str) -> World:
    """The world that a mini, one of `registry.NAMES`, was trained on."""
    return CROSSING if mini == "wan" else MOVING
