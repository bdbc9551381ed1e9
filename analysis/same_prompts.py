"""Prompts that are one and the same video: the model reads the same tokens in them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.points import Point


def same_prompts(point: Point) -> dict[int, int]:
    """Prompt -> the first prompt of which the model has read the same tokens; others are left out.

    Points that were made before tokens were kept have none.
    """
    first: dict[str, int] = {}
    same: dict[int, int] = {}
    for video in point.value("inputs") or ():
        tokens = video.get("tokens") if isinstance(video, Mapping) else None
        if isinstance(tokens, Mapping) and "digest" in tokens:
            prompt = int(video["prompt"])
            earlier = first.setdefault(str(tokens["digest"]), prompt)
            if earlier != prompt:
                same[prompt] = earlier
    return same


def without_repeats(rows: pd.DataFrame, same: Mapping[int, int]) -> pd.DataFrame:
    """The rows of a table with a column `prompt` without those of prompts that came before."""
    return rows[~rows["prompt"].isin(same)] if same else rows
