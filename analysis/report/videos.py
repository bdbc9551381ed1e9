"""The videos of the report: baseline, variants and differences, small enough for an e-mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.contact_sheet import amplification, difference
from analysis.figures.selection import evenly
from analysis.metrics import MAIN
from analysis.points import Point
from analysis.report.numbers import short
from analysis.report.sprites import LADDER, Frames, Quality, data_uri, sprite

_log = logging.getLogger(__name__)
BUDGET = 12_000_000
"""Bytes of all pictures together, before base64 adds a third."""
MOST_POINTS = 24
_MOST_PLACES = 4
_KIND = "image/webp"


@dataclass(frozen=True)
class _Clip:
    """One video to show: where it belongs, and its frames."""

    owner: str
    place: str
    point: Point
    prompt: int
    seed: int
    baseline: Point | None


def videos_content(data: SweepData) -> dict[str, Any]:
    """Pictures of frames, in the best quality that fits; empty if there is nothing to compare.

    Returns:
        `places`: prompts and seeds; `baselines` and `variants` (by job): per place a picture, for
        a variant with its `difference`, the `factor` of that and the values of its metrics.
        `left_out` counts variants that have no room.
    """
    clips = list(_clips(data))
    for quality in LADDER:
        content = _encode(data, clips, quality)
        if content is not None:
            shown = {clip.owner for clip in clips if clip.baseline is not None}
            content["left_out"] = _count(data) - len(shown)
            return content
    _log.warning("the videos are too large for the report in any quality; they are left out")
    return {}


def _count(data: SweepData) -> int:
    return sum(1 for job, point in data.sweep.finished if job.baseline and not point.is_baseline)


def _clips(data: SweepData) -> Iterator[_Clip]:
    jobs = {job.number: (job, point) for job, point in data.sweep.finished}
    variants = [
        number for number, (job, point) in jobs.items() if job.baseline and not point.is_baseline
    ]
    done = set()
    for number in evenly(variants, MOST_POINTS):
        job, point = jobs[number]
        baseline = job.baseline
        assert baseline is not None
        shared = sorted(set(point.videos()) & set(baseline.videos()))[:_MOST_PLACES]
        for prompt, seed in shared:
            place = f"{prompt}-{seed}"
            if (baseline.id, place) not in done:
                done.add((baseline.id, place))
                yield _Clip(baseline.id, place, baseline, prompt, seed, None)
            yield _Clip(str(number), place, point, prompt, seed, baseline)


def _encode(data: SweepData, clips: list[_Clip], quality: Quality) -> dict[str, Any] | None:
    """The content in one quality, or None as soon as it is over the budget."""
    content: dict[str, Any] = {"places": {}, "baselines": {}, "variants": {}}
    spent = 0
    pool = ThreadPoolExecutor()  # Encoding pictures needs no interpreter.
    try:
        for clip, made in [(clip, pool.submit(_entry, clip, quality)) for clip in clips]:
            try:
                entry, size = made.result()
            except NothingToShow as reason:
                _log.warning("a video is not shown: %s", reason)
                continue
            spent += size
            if spent > BUDGET:
                return None
            owners = content["baselines" if clip.baseline is None else "variants"]
            if clip.baseline is not None:
                entry["metrics"] = _metrics(data, clip)
                entry["baseline"] = clip.baseline.id
            owners.setdefault(clip.owner, {})[clip.place] = entry
            content["places"].setdefault(clip.place, _caption(clip))
    finally:
        pool.shutdown(cancel_futures=True)
    return content


def _entry(clip: _Clip, quality: Quality) -> tuple[dict[str, Any], int]:
    frames = clip.point.frames(clip.prompt, clip.seed)
    picture, facts = sprite(frames, quality)
    entry: dict[str, Any] = {"picture": data_uri(picture, _KIND), **facts}
    if clip.baseline is None:
        return entry, len(picture)
    theirs = clip.baseline.frames(clip.prompt, clip.seed)
    if theirs.shape != frames.shape:
        raise NothingToShow(f"{clip.point.id} and its baseline differ in shape")
    # From the kept frames, not from the pictures, which may be lossy.
    other, factor = _amplified(theirs, frames)
    seen, _ = sprite(other, quality)
    entry |= {"difference": data_uri(seen, _KIND), "factor": factor}
    return entry, len(picture) + len(seen)


def _amplified(ours: Frames, theirs: Frames) -> tuple[Frames, int]:
    change = difference(ours, theirs)
    factor = amplification([change])
    return np.minimum(change.astype(np.int64) * factor, 255).astype(np.uint8), factor


def _metrics(data: SweepData, clip: _Clip) -> list[list[str]]:
    rows = data.videos
    own = rows[
        (rows["job"] == int(clip.owner))
        & (rows["prompt"] == clip.prompt)
        & (rows["seed"] == clip.seed)
    ]
    values = dict(zip(own["metric"], own["value"], strict=True))
    return [
        [data.metrics[name].short, data.metrics[name].text(values[name])]
        for name in data.metrics
        if name in MAIN and name in values and short(values[name]) is not None
    ]


def _caption(clip: _Clip) -> str:
    prompts = clip.point.value("prompts") or []
    text = prompts[clip.prompt] if clip.prompt < len(prompts) else f"prompt {clip.prompt}"
    return f"{text} (seed {clip.seed})"
