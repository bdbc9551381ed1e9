"""`observe`: how attention outputs change from one denoising step to the next."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import pandas as pd
import torch

from pab_bench.door.attachment import Attachment, NothingSampled
from pab_bench.door.target import Target, target_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.probes.attention_difference import COLUMNS, AttentionDifference

PLACE = ("video", "step", "timestep", "lane", "kind", "branch", "block", "tensor")


def observe(
    pipe_or_transformer: Any,
    *,
    timesteps: Sequence[float] | torch.Tensor | None = None,
    lanes: int = 1,
) -> Observation:
    """Watch a pipeline for the length of a `with` block, and return its attention differences.

    What is sampled is not changed, bit for bit. One earlier output of every attention and MLP is
    kept meanwhile.

    Args:
        pipe_or_transformer: as for `attach`.
        timesteps: likewise.
        lanes: likewise.

    Returns:
        A context manager; `frame()` has a row per video, step, site and tensor.

    Raises:
        ConfigError: if the class is not known, or timesteps are missing.
        AlreadyAttached: on entering, if something is attached to the transformer.
        PlanMismatch: while sampling, as for `attach`.

    Example:
        >>> import pab_bench as pb
        >>> with pb.observe(pipe) as curves:
        ...     video = make()
        >>> frame = curves.frame()
        >>> frame["step"].unique().tolist()
        [1, 2, 3, 4, 5, 6, 7]
        >>> sorted(frame["kind"].unique())
        ['cross', 'mlp', 'spatial', 'temporal']
    """
    return Observation(target_of(pipe_or_transformer, timesteps, None), lanes)


class Observation:
    """A context in which the videos of a transformer are watched; made by `observe`.

    Args:
        target: the transformer, and who knows its timesteps.
        lanes: transformer calls per denoising step.
    """

    def __init__(self, target: Target, lanes: int) -> None:
        self._recorder = AttentionDifference()
        self._attachment = Attachment(
            target,
            PyramidAttentionBroadcast(),
            observers=[self._recorder],
            lanes=lanes,
            video_ended=self._keep,
        )
        self._frames: list[pd.DataFrame] = []

    def __enter__(self) -> Self:
        """Attach."""
        self._frames.clear()
        self._attachment.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the transformer."""
        self._attachment.__exit__(kind, error, trace)

    def _keep(self) -> None:
        rows = self._recorder.rows(self._attachment.timesteps)
        frame = pd.DataFrame(rows, columns=[*PLACE[1:], *COLUMNS])
        frame.insert(0, PLACE[0], len(self._frames))
        self._frames.append(frame)

    @property
    def videos(self) -> int:
        """How many videos are complete."""
        return len(self._frames)

    def frame(self) -> pd.DataFrame:
        """The differences of all complete videos.

        Returns:
            One row per place with the columns video (from 0), step (from 1: step 0 has none before
            it), timestep, lane, kind, branch, block and tensor (`ungated`: the module's output;
            `gated`: what is added to the residual stream), and the numbers mse, relative_l1, cosine
            and energy, as `AttentionDifference` defines them.

        Raises:
            NothingSampled: if no video is complete.
        """
        if not self._frames:
            raise NothingSampled("no complete video: sample one inside the context first")
        return pd.concat(self._frames, ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """The means of the first 15, middle 70 and last 15 % of the steps.

        Returns:
            One row per kind, tensor and measure; the columns first, middle, last,
            first_over_middle, last_over_middle.

        Raises:
            NothingSampled: if no video is complete.
            ValueError: if the videos have different numbers of calls.
        """
        from analysis.segments import segment_means

        frame = self.frame()
        calls = {int(last) + 1 for last in frame.groupby("video")["step"].max()}
        if len(calls) > 1:
            raise ValueError(f"videos of {sorted(calls)} calls have no segments in common")
        return segment_means(frame, calls.pop())
