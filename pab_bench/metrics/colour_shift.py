"""How far the frames' mean colour is from the baseline's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Metric, Values, check_pair

_LEVELS = np.arange(256) / 255
LINEAR = np.where(_LEVELS > 0.04045, ((_LEVELS + 0.055) / 1.055) ** 2.4, _LEVELS / 12.92)
"""Linear light of every uint8 sample (IEC 61966-2-1, sRGB)."""
XYZ_OF_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
"""D65, 2 degrees."""
OPPONENTS = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])


@dataclass(frozen=True)
class ColourShift(Metric):
    """Distance of the frames' mean colours in CIELAB: about 2.3 is just noticeable.

    Source: CIE 1976 colour difference of the mean colours.
    """

    name = "colour_shift"
    column = "colour_shift"
    label = "Colour shift"
    unit = "CIELAB"
    higher_is_better = False
    value_range = (0.0, math.inf)
    needs_reference = True
    definition = (
        "per frame the Euclidean distance in CIELAB (sRGB, D65) between the mean colour of the "
        "frame and that of the baseline's; mean over frames"
    )
    source = "ours, with the CIE 1976 colour difference"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """The distance of each frame, shape (frames,), range 0..inf; see `Metric.values`."""
        del about
        reference = check_pair(video, reference)
        shifts = [
            np.linalg.norm(mean_lab(frame) - mean_lab(expected))
            for frame, expected in zip(video, reference, strict=True)
        ]
        return np.array(shifts, dtype=np.float64)


def mean_lab(frame: Frames) -> Values:
    """Mean of the CIELAB values (not the CIELAB value of the mean) of a frame, shape (3,)."""
    # Float32 halves the time and is exact to 1e-5 of a unit.
    light = LINEAR.astype(np.float32)[frame.reshape(-1, 3)]
    relative = light @ (XYZ_OF_RGB / WHITE[:, None]).T.astype(np.float32)
    bent = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    lab: Values = OPPONENTS @ bent.mean(axis=0, dtype=np.float64) - np.array([16.0, 0.0, 0.0])
    return lab
