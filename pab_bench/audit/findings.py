"""What an audit can find: names, what each means, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that an acceleration does without a word, and should not do.

    Attributes:
        name: one of `MEANINGS`.
        evidence: what was measured, in a sentence with its numbers.
    """

    name: str
    evidence: str

    @property
    def meaning(self) -> str:
        """What it means, whatever was measured."""
        return MEANINGS[self.name][0]

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return MEANINGS[self.name][1]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "meaning": self.meaning, "remedy": self.remedy}


MEANINGS: Mapping[str, tuple[str, str]] = {
    "reused_nothing": (
        "it is enabled, and everything is computed at every call",
        "compare its patterns, windows and number of steps with the model; what is timed and "
        "measured here is the baseline",
    ),
    "equals_baseline": (
        "the latents are those of the bare pipeline, bit by bit",
        "do not report its quality: it has done nothing",
    ),
    "attached_nothing": (
        "enabling it has changed no module, class or pipeline",
        "its patterns match no module of this model: name the modules explicitly",
    ),
    "attached_to_some": (
        "it is attached to fewer modules of a kind than the model has",
        "its patterns miss some modules of the kind: name them explicitly",
    ),
    "kind_not_reused": (
        "a kind of module that was asked to reuse never does",
        "set its own range or pattern; ask upstream whether the kind is recognised in this model",
    ),
    "kind_not_asked": (
        "a kind of module reuses although nobody asked for it",
        "its patterns take the kind for another one: name the modules of each kind explicitly",
    ),
    "halves_not_left_out": (
        "both halves of the guidance batch are always computed, although one is to be left out",
        "look at the window and the interval of the guidance",
    ),
    "more_computed_than_asked": (
        "a kind computes at more calls than its configuration says",
        "it follows the rule of another kind, or counts other calls than its own",
    ),
    "less_computed_than_asked": (
        "a kind computes at fewer calls than its configuration says",
        "it follows the rule of another kind, or counts other calls than its own",
    ),
    "lanes_apart": (
        "of the calls that a denoising step takes, one always computes and another one reuses",
        "one counter and one store serve both calls: give each a state of its own",
    ),
    "lanes_mixed": (
        "what one half of the guidance is given changes what the other half gives",
        "do not use it with guidance in this pipeline; its state must be kept for each half",
    ),
    "computed_twice": (
        "a module computes more than its whole batch in one call",
        "two parts of the acceleration both call it: look at the numbers of first and last blocks",
    ),
    "first_call_reused": (
        "a video begins with outputs of another one",
        "reset its state before every video, in particular after one that was broken off",
    ),
    "differs_when_repeated": (
        "the same video sampled twice is not the same",
        "reset its state before every video",
    ),
    "differs_after_another_video": (
        "a video depends on which one was sampled before it",
        "reset its state before every video",
    ),
    "differs_after_broken_off": (
        "a video depends on one before it that was broken off",
        "disable it and enable it again after an interrupted or failed call",
    ),
    "left_behind": (
        "it is disabled, and the pipeline is not what it was before",
        "load the pipeline anew before anything is compared with it",
    ),
    "window_never_entered": (
        "what it is told of the timestep never lies in its window",
        "give it the pipeline's current timestep, in the units of its window",
    ),
    "told_other_steps": (
        "it was told of another number of denoising steps than are sampled",
        "tell it the number: its constants are picked by the step, and its stretches begin anew "
        "where it believes that a video has ended",
    ),
    "fails_when_repeated": (
        "it samples one video and fails at another in the same process",
        "enable it anew for every video, or ask upstream",
    ),
}
"""By name what a finding means, and what to do about it."""
