"""Whether a point that reuses nothing is its baseline again, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.store.records import Record

Videos = Mapping[tuple[int, int], npt.NDArray[np.uint8]]


def compare_control(
    videos: Videos, reference: Videos, provenance: Mapping[str, Any], baseline: Record
) -> dict[str, Any]:
    """Compare the frames of a control with its baseline's, as plain JSON.

    Args:
        videos: frames of the control by (prompt index, seed).
        reference: the baseline's, by the same keys.
        provenance: of the control.
        baseline: the record of the baseline.

    Returns:
        `identical`; and where it is false in how many `videos` of how many, by how many of 255
        levels at most, and the `reason` as far as it is known.
    """
    apart = {
        place: int(np.abs(frames.astype(np.int16) - reference[place]).max())
        for place, frames in videos.items()
        if not np.array_equal(frames, reference[place])
    }
    if not apart:
        return {"identical": True}
    return {
        "identical": False,
        "videos": len(apart),
        "of": len(videos),
        "largest_difference": max(apart.values()),
        "reason": _reason(provenance, baseline.provenance),
    }


def control_in_words(control: Mapping[str, Any]) -> str:
    """One line about a control that is not its baseline."""
    return (
        "a control, which reuses nothing, is not its baseline: "
        f"{control['videos']} of {control['of']} videos differ, by up to "
        f"{control['largest_difference']} of 255 levels; {control['reason']}"
    )


def _reason(own: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    names = ("device", "cpu", "threads", "versions", "git_commit", "platform")
    differing = [name for name in names if own.get(name) != theirs.get(name)]
    if differing:
        return "made with other " + ", ".join(differing).replace("_", " ")
    return (
        "made in the same way, so that the device's kernels vary from run to run; "
        "deterministic=true refuses such kernels"
    )
