"""The sections of the configuration: each is Hydra's schema, what a job gets, and its own check.

A new key of a section is one field here, and one line in `--help`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pab_bench.config.folders import is_folder
from pab_bench.names import LOCKS, Locks
from pab_bench.problems import Problems

TRACKERS = ("none", "wandb")
TRACKING_MODES = ("offline", "online", "disabled")
CALIBRATED_OUTPUTS = ("transformer", "stream")
_LEAST_ELEMENTS = 256
_HIGHEST_DEGREE = 9
_LARGEST_LAG = 32


@dataclass(frozen=True)
class MethodChoice:
    """`conf/method`, whose other keys are those of the method that it names.

    Attributes:
        name: of the acceleration method.
    """

    name: str


@dataclass(frozen=True)
class PromptChoice:
    """`conf/prompts`.

    Attributes:
        name: of the set.
        texts: the prompts, in order.
        file: a text file with one a line, in their place.
    """

    name: str
    texts: tuple[str, ...]
    file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what is no list of prompts."""
        problems = Problems("prompts")
        if any(not text.strip() for text in self.texts):
            problems.add("texts", self.texts, "must not contain an empty prompt")
        problems.distinct("texts", self.texts, "at least one prompt")
        problems.raise_if_any()


@dataclass(frozen=True)
class MetricChoice:
    """`conf/metrics`.

    Attributes:
        names: of the metrics.
        psnr_cap_db: PSNR of identical frames, and the largest of any.
        weights: folder with weights of metrics; None = their own caches only.
    """

    names: tuple[str, ...]
    psnr_cap_db: float = 100.0
    weights: str | None = None

    def __post_init__(self) -> None:
        """Refuse a cap that is none, a metric named twice, and weights that are nowhere."""
        problems = Problems("metrics")
        if not (math.isfinite(self.psnr_cap_db) and self.psnr_cap_db > 0):
            allowed = "must be a finite number greater than 0"
            problems.add("psnr_cap_db", self.psnr_cap_db, allowed)
        problems.no_repeats("names", self.names)
        if self.weights is not None and not is_folder(self.weights):
            problems.add("weights", self.weights, "is not a folder; null = the usual caches only")
        problems.raise_if_any()


@dataclass(frozen=True)
class RecordSettings:
    """Which bulky data a point keeps.

    Attributes:
        curves: of a baseline, attention differences.
        videos: mp4 files beside the lossless frames.
        attention_maps: of a baseline's first video, where attention outputs change.
    """

    curves: bool = True
    videos: bool = True
    attention_maps: bool = False


@dataclass(frozen=True)
class MeasureSettings:
    """How a point is sampled and timed.

    Attributes:
        repeats: how often every video is timed.
        warmups: how often it is sampled before that.
        replay: whether steps that it shares with another video are replayed.
        parts: whether every video is sampled as often again with a clock around every site, which
            tells where the time goes.
    """

    repeats: int = 1
    warmups: int = 0
    replay: bool = True
    parts: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant."""
        problems = Problems("measure")
        problems.at_least("repeats", self.repeats, 1)
        problems.at_least("warmups", self.warmups, 0)
        problems.raise_if_any()


@dataclass(frozen=True)
class SpeedSettings:
    """How speedups are measured, after all points were sampled: by single calls, in turns.

    No part of a point: whatever it is, the same videos come out.

    Attributes:
        calls: whether calls of the transformer are timed.
        precision: half of a speedup's 95 % interval, as a share of it, at which that is enough.
        budget_s: seconds after which it ends in any case; for each model, size and machine.
        turns: how often whole videos are sampled in turns with their baseline's, to judge what
            follows from the calls; 0 = never.
    """

    calls: bool = True
    precision: float = 0.01
    budget_s: float = 60.0
    turns: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant."""
        problems = Problems("speed")
        if not (math.isfinite(self.precision) and 0 < self.precision < 1):
            problems.add("precision", self.precision, "must be a number between 0 and 1")
        problems.finite("budget_s", self.budget_s, 0, "of at least 0 (seconds)")
        if self.turns == 1 or self.turns < 0:
            allowed = "must be 0 (never) or at least 2, since one turn has no interval"
            problems.add("turns", self.turns, allowed)
        problems.raise_if_any()


@dataclass(frozen=True)
class TapeSettings:
    """How much room the outputs of shared steps may take, in units of 10^9 bytes.

    Attributes:
        memory_gb: held while a video is sampled.
        disk_gb: kept below `results_dir/tapes`, the oldest go first; 0 = none.
    """

    memory_gb: float = 2
    disk_gb: float = 4

    def __post_init__(self) -> None:
        """Refuse numbers that are no sizes."""
        problems = Problems("tape")
        problems.finite("memory_gb", self.memory_gb, 0, "of at least 0 (GB)")
        problems.finite("disk_gb", self.disk_gb, 0, "of at least 0 (GB)")
        problems.raise_if_any()


@dataclass(frozen=True)
class StoreSettings:
    """How results are kept.

    Attributes:
        locks: what keeps processes that make the same point apart: `flock`, of the kernel, or
            `create`, files that name their owner, for network file systems without it. All
            processes of a store need the same.
    """

    locks: Locks = "flock"

    def __post_init__(self) -> None:
        """Refuse locks that there are not."""
        problems = Problems("store")
        problems.choice("locks", self.locks, LOCKS)
        problems.raise_if_any()


@dataclass(frozen=True)
class SampleSettings:
    """What `task=sample` writes.

    Attributes:
        folder: where to, absolute; None = the folder of the job.
        lossless: whether frames are written as safetensors, too.
    """

    folder: Path | None = None
    lossless: bool = False


@dataclass(frozen=True)
class AdviseSettings:
    """What `task=advise` is to reach, and how much it may sample.

    Attributes:
        max_lpips: the largest LPIPS to the baseline, the mean over the videos; None = any.
        min_psnr: the smallest PSNR to the baseline in dB, likewise.
        min_speedup: the smallest ratio of the baseline's operations to the rules', of the
            transformer: an upper bound of the speedup in seconds.
        max_cache_gb: the most that broadcasting may hold, in units of 10^9 bytes.
        budget: how many rules are sampled at most, besides the baseline.
        max_lag: the largest lag, in calls, at which differences are recorded; gaps up to one more
            are proposed.
        elements: how many numbers of each output the recorder keeps for each lag.
        methods: which methods are searched: pab, and others beside it.
    """

    max_lpips: float | None = None
    min_psnr: float | None = None
    min_speedup: float | None = None
    max_cache_gb: float | None = None
    budget: int = 14
    max_lag: int = 8
    elements: int = 16384
    methods: tuple[str, ...] = ("pab",)

    def __post_init__(self) -> None:
        """Refuse targets and limits that are impossible."""
        problems = Problems("advise")
        above = {"max_lpips": 0.0, "min_psnr": 0.0, "min_speedup": 1.0, "max_cache_gb": 0.0}
        for key, least in above.items():
            value: float | None = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value > least):
                problems.add(key, value, f"must be a finite number above {least:g}, or null")
        problems.at_least("budget", self.budget, 1)
        if not 1 <= self.max_lag <= _LARGEST_LAG:
            allowed = f"must be a whole number from 1 to {_LARGEST_LAG}"
            problems.add("max_lag", self.max_lag, allowed)
        problems.at_least("elements", self.elements, _LEAST_ELEMENTS)
        problems.distinct("methods", self.methods, "pab, and others beside it")
        if "pab" not in self.methods:
            message = "must contain pab, whose baseline and target the others share"
            problems.add("methods", self.methods, message)
        problems.raise_if_any()


@dataclass(frozen=True)
class CalibrateSettings:
    """What `task=calibrate` fits.

    Attributes:
        hold_out: so many of the last prompts are not fitted: they only test the fit.
        degree: of TeaCache's polynomial.
        output: whose change TeaCache's polynomial estimates: `transformer`, what it returns; or
            `stream`, the video's tokens after the last block.
    """

    hold_out: int = 2
    degree: int = 4
    output: str = "transformer"

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant."""
        problems = Problems("calibrate")
        problems.at_least("hold_out", self.hold_out, 0)
        if not 1 <= self.degree <= _HIGHEST_DEGREE:
            allowed = f"must be a whole number from 1 to {_HIGHEST_DEGREE}"
            problems.add("degree", self.degree, allowed)
        problems.choice("output", self.output, CALIBRATED_OUTPUTS)
        problems.raise_if_any()


@dataclass(frozen=True)
class TrackingSettings:
    """Where results are also sent.

    Attributes:
        name: `none` or `wandb`.
        project: of W&B.
        entity: of W&B.
        mode: `offline`, `online` or `disabled`.
    """

    name: str = "none"
    project: str | None = None
    entity: str | None = None
    mode: str = "offline"

    def __post_init__(self) -> None:
        """Refuse trackers that there are not, or not here."""
        problems = Problems("tracking")
        problems.choice("name", self.name, TRACKERS)
        if self.name == "wandb" and find_spec("wandb") is None:
            problems.add("name", "wandb", "needs: pip install 'pab_bench[wandb]'")
        problems.choice("mode", self.mode, TRACKING_MODES)
        problems.raise_if_any()
