"""The validated, fully resolved configuration of one grid point."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pab_bench.config.rank_sections import CostSettings, ParallelSettings, ScalingSettings
from pab_bench.config.sections import (
    AdviseSettings,
    CalibrateSettings,
    MeasureSettings,
    RecordSettings,
    SampleSettings,
    SpeedSettings,
    StoreSettings,
    TapeSettings,
    TrackingSettings,
)
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.methods.base import Method
from pab_bench.names import CONVENTIONS
from pab_bench.problems import Problems, check_name
from pab_bench.systems.model import ModelSettings

ON_ERROR = ("continue", "raise")
ON_REFUSED = ("stop", "row")
STORE_FOLDERS = (
    "points",
    "tapes",
    "timings",
    "lags",
    "claims",
    "advice",
    "calibrations",
    "predictions",
    "wandb",
    "compare",
    "analysis",
    "minis",
    "weights_digests.json",
)
"""What lies in a results folder besides the runs."""
MOST_THREADS = 1024
"""More than any machine has; torch ends the process if it cannot start so many."""
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Keys at the root that mean what they say: they reach a job as the user sets them.

    A new one is a field here, and a line in `--help`.

    Attributes:
        task: name of the task.
        preset: name of the preset, `none` without one; its own file writes it.
        seeds: every prompt is sampled with every seed.
        cache: in which dtype and where broadcasting keeps outputs.
        device: `auto`, `cpu`, `mps`, `cuda` or `cuda:N`.
        threads: with how many a CPU computes, None = as many as the process began with.
        compile: whether the modules of the blocks are compiled.
        deterministic: whether kernels that vary from run to run are refused.
        convention: how `task=cost` counts operations; `all` for every way.
        json: where tasks without a store write their numbers, absolute; None = nowhere.
        results_dir: root of all results, absolute.
        name: folder of this run below `results_dir`, None for the default.
        fresh: whether a finished point is computed again.
        on_error: `continue` or `raise`.
        on_refused: `stop`, or `row` for a grid whose impossible points are rows.
        record: which bulky data are kept.
        measure: how it is sampled and timed.
        speed: how speedups are measured.
        parallel: how several ranks share one video.
        tape: room for what is replayed.
        store: how results are kept.
        sample: what `task=sample` writes.
        advise: what `task=advise` is to reach.
        calibrate: what `task=calibrate` fits.
        cost: what `task=cost` counts besides operations.
        scaling: what `task=scaling` predicts from.
        tracking: where results are also sent.
        objectives: what a sweeper optimises.
    """

    task: str = "run"
    preset: str = "none"
    seeds: tuple[int, ...] = (0,)
    cache: CacheOptions = field(default_factory=CacheOptions)
    device: str = "auto"
    threads: int | None = None
    compile: bool = False
    deterministic: bool = False
    convention: str = "transformer"
    json: Path | None = None
    results_dir: Path = Path("results")
    name: str | None = None
    fresh: bool = False
    on_error: Literal["continue", "raise"] = "continue"
    on_refused: Literal["stop", "row"] = "stop"
    record: RecordSettings = field(default_factory=RecordSettings)
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    speed: SpeedSettings = field(default_factory=SpeedSettings)
    parallel: ParallelSettings = field(default_factory=ParallelSettings)
    tape: TapeSettings = field(default_factory=TapeSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    sample: SampleSettings = field(default_factory=SampleSettings)
    advise: AdviseSettings = field(default_factory=AdviseSettings)
    calibrate: CalibrateSettings = field(default_factory=CalibrateSettings)
    cost: CostSettings = field(default_factory=CostSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    objectives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems()
        problems.choice("convention", self.convention, (*CONVENTIONS, "all"))
        problems.choice("on_error", self.on_error, ON_ERROR)
        problems.choice("on_refused", self.on_refused, ON_REFUSED)
        if not _DEVICE.fullmatch(self.device):
            problems.add("device", self.device, "must be auto, cpu, mps, cuda or cuda:NUMBER")
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            problems.add("threads", self.threads, f"must be a number from 1 to {MOST_THREADS}")
        check_name("name", self.name, problems)
        if (self.name or "").lower() in STORE_FOLDERS:  # On some systems case does not matter.
            message = f"is a folder of the results themselves ({', '.join(STORE_FOLDERS)})"
            problems.add("name", self.name, message)
        problems.distinct("seeds", self.seeds, "at least one seed")
        if any(not 0 <= seed < 2**63 for seed in self.seeds):
            problems.add("seeds", self.seeds, "must be whole numbers from 0 to 2**63 - 1")
        problems.raise_if_any()


@dataclass(frozen=True, kw_only=True)
class Settings(Switches):
    """All that a grid point needs to know; nothing in it is left open but `device: auto`.

    Attributes:
        model: the model.
        method: the acceleration method.
        prompts: the prompts, in order.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        dtype: `float32`, `float16` or `bfloat16`.
        metrics: names of the metrics.
        psnr_cap_db: PSNR of identical frames, and the largest of any.
        metric_weights: folder with weights of metrics; None = their own caches only.
        notices: what the user should know although it is no error.
        overrides: what was set to make it, as on the command line.
        found_windows: by kind, where the curves of a baseline have said what `threshold=auto` is,
            which baseline and what was found.
        alternatives: what `task=advise` searches beside PAB: of each method its settings, from the
            mildest to the strongest.
    """

    model: ModelSettings
    method: Method
    prompts: tuple[str, ...]
    steps: int
    guidance: float
    dtype: str
    metrics: tuple[str, ...]
    psnr_cap_db: float = 100.0
    metric_weights: str | None = None
    notices: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    found_windows: Mapping[str, Any] = field(default_factory=dict)
    alternatives: tuple[tuple[Method, ...], ...] = ()

    def is_baseline(self) -> bool:
        """Whether the method is switched off."""
        return self.method.is_baseline()
