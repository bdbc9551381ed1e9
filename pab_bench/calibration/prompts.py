"""Which prompts a calibration is made of: never those by which a mini is measured."""

from __future__ import annotations

from pab_bench.config.settings import Settings
from pab_bench.minis import captions
from pab_bench.minis.crossing import captions as crossing_captions
from pab_bench.problems import InvalidSettings, Problem

_MEASURED = 4
"""Captions of a mini's set."""
_NUMBER = 6
"""Captions that take its place."""


def calibration_prompts(settings: Settings) -> tuple[str, ...]:
    """The prompts that are sampled: those of the settings, unless minis are measured by them.

    The sets `mini` and `crossing` are what points of minis are made of, and a calibration on them
    could not be used there; in their place come the next captions that training never saw.
    """
    for known in (_of_one_object(), _of_crossing_objects()):
        if settings.prompts == known[:_MEASURED]:
            return known[_MEASURED : _MEASURED + _NUMBER]
    return settings.prompts


def divided(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The prompts that are fitted, and the last ones, which only test the fit.

    Raises:
        InvalidSettings: if none would be left to fit.
    """
    prompts, number = settings.prompts, settings.calibrate.hold_out
    if number >= len(prompts):
        reason = (
            f"of {len(prompts)} prompts at least one is fitted; allowed are 0 to "
            f"{len(prompts) - 1}, or more prompts"
        )
        raise InvalidSettings([Problem(f"calibrate.hold_out={number}", reason)])
    return prompts[: len(prompts) - number], prompts[len(prompts) - number :]


def _of_one_object() -> tuple[str, ...]:
    held_out = captions.split_captions()[1]
    return tuple(caption.text for caption in held_out[: _MEASURED + _NUMBER])


def _of_crossing_objects() -> tuple[str, ...]:
    held_out = crossing_captions.held_out_captions(_MEASURED + _NUMBER)
    return tuple(caption.text for caption in held_out)
