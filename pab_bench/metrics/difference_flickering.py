"""How restless the difference from the baseline is: what paired metrics per frame cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_length,
    check_pair,
)


@dataclass(frozen=True)
class DifferenceFlickering(Metric):
    """Change of the signed difference video from frame to frame.

    An error that stands still (a shifted colour, another shape in the background) gives 0, one of
    the same size that flickers a large value; PSNR cannot tell the two apart.

    Example:
        >>> reference = np.zeros((3, 4, 4, 3), dtype=np.uint8)
        >>> steady, flickering = reference + np.uint8(51), reference.copy()
        >>> flickering[1] = 51
        >>> DifferenceFlickering().values(steady, reference).tolist()
        [0.0, 0.0]
        >>> DifferenceFlickering().values(flickering, reference).tolist()
        [0.2, 0.2]
    """

    name = "difference_flickering"
    column = "difference_flickering"
    label = "Difference flickering"
    higher_is_better = False
    value_range = (0.0, 2.0)
    needs_reference = True
    per = "frame pair"
    definition = (
        "with d = video - baseline (uint8 samples), per pair of consecutive frames the mean "
        "absolute value of d[t+1] - d[t], over 255; mean over pairs"
    )
    source = "ours"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Change of the difference per pair, shape (frames - 1,), range 0..2.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the video has fewer than two frames.
        """
        del about
        reference = check_pair(video, reference)
        check_length(self.name, video, 2)
        pairs = pairwise(zip(video, reference, strict=True))
        return np.array(
            [np.mean(np.abs(_difference(*after) - _difference(*before))) for before, after in pairs]
        ) / np.float64(255)


def _difference(frame: Frames, reference: Frames) -> np.ndarray:
    # uint8 arithmetic wraps around.
    return frame.astype(np.int16) - reference
