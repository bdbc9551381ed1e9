"""The validated, fully resolved configuration of one grid point."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pab_bench.broadcast.cache_options import CacheOptions
from pab_bench.broadcast.rules import GapRule, KeyRule, Rules


@dataclass(frozen=True)
class PartSettings:
    """Where a part of the model is that does not lie with the transformer.

    Attributes:
        path: a local folder; None = from the hub's cache or the hub.
        repository: on the hub; None if the part lies with the transformer.
        revision: the hub's pinned commit.
    """

    path: str | None = None
    repository: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class ModelSettings:
    """Which checkpoint, at what size, driven by which sampler.

    Attributes:
        name: the model's name in `conf/model`.
        sampler: `module:Class`, imported when it is needed.
        path: a folder with the checkpoint; None = from the package or the hub.
        repository: on the hub; None if the checkpoint ships with the package.
        revision: the hub's pinned commit.
        vae: where the autoencoder is, if elsewhere.
        text_encoder: where tokenizer and text encoder are, if elsewhere.
        depth: number of transformer block pairs.
        frames: frames of a video.
        height: of a frame, pixels.
        width: of a frame, pixels.
        schedule: formula of the timesteps, if they can be known before the model is loaded.
        transform_scale: the factor in Open-Sora's timestep transform.
        negative_prompt: what guidance leads away from.
        clean_caption: whether the pipeline cleans prompts before encoding.
        offload: `none`, `model` or `sequential`: what waits on the host until it is needed.
        random_weights: replace the transformer's weights by seeded random ones: the control that
            claims about a trained model are shown beside.
    """

    name: str
    sampler: str
    path: str | None
    repository: str | None
    revision: str | None
    depth: int
    frames: int
    height: int
    width: int
    schedule: str | None = None
    transform_scale: float = 1.0
    negative_prompt: str = ""
    clean_caption: bool = False
    offload: str = "none"
    random_weights: bool = False
    vae: PartSettings = PartSettings()
    text_encoder: PartSettings = PartSettings()


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


@dataclass(frozen=True)
class TapeSettings:
    """How much room the outputs of shared steps may take, in units of 10^9 bytes."""

    memory_gb: float = 2
    disk_gb: float = 4


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
    """

    max_lpips: float | None = None
    min_psnr: float | None = None
    min_speedup: float | None = None
    max_cache_gb: float | None = None
    budget: int = 14
    max_lag: int = 8
    elements: int = 16384


@dataclass(frozen=True)
class TrackingSettings:
    """Where results are also sent: `name` is `none` or `wandb`."""

    name: str = "none"
    project: str | None = None
    entity: str | None = None
    mode: str = "offline"


@dataclass(frozen=True)
class Settings:
    """All that a grid point needs to know; nothing in it is left open but `device: auto`.

    Attributes:
        task: name of the task.
        model: the model.
        method: name of the acceleration method.
        preset: name of the preset, `none` without one.
        prompt_set: name of the prompt set.
        prompts: the prompts, in order.
        seeds: every prompt is sampled with every seed.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        metrics: names of the metrics.
        psnr_cap_db: PSNR of identical frames, and the largest of any.
        metric_weights: folder with weights of metrics; None = their own caches only.
        rules: what is broadcast, with the model's windows filled in and block ranges clipped.
        broadcast_object: `output`, `ungated` or `scores`.
        cache: in which dtype and where broadcasting keeps outputs.
        device: `auto`, `cpu`, `mps`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.
        compile: whether the modules of the blocks are compiled.
        deterministic: whether kernels that vary from run to run are refused.
        convention: how `task=cost` counts operations; `all` for every way.
        json: where `task=cost` writes its numbers; None = nowhere.
        measure: how it is sampled and timed.
        tape: room for what is replayed.
        sample: what `task=sample` writes.
        advise: what `task=advise` is to reach.
        objectives: what a sweeper optimises.
        record: which bulky data are kept.
        results_dir: root of all results, absolute.
        name: folder of this run below `results_dir`, None for the default.
        fresh: whether a finished point is computed again.
        on_error: `continue` or `raise`.
        tracking: where results are also sent.
        pab_file: the file from which rules were read.
        notices: what the user should know although it is no error.
    """

    task: str
    model: ModelSettings
    method: str
    preset: str
    prompt_set: str
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    metrics: tuple[str, ...]
    rules: Rules
    broadcast_object: Literal["output", "ungated", "scores"]
    cache: CacheOptions
    device: str
    dtype: str
    compile: bool
    deterministic: bool
    convention: str
    json: Path | None
    measure: MeasureSettings
    tape: TapeSettings
    sample: SampleSettings
    objectives: tuple[str, ...]
    record: RecordSettings
    results_dir: Path
    name: str | None
    fresh: bool
    on_error: Literal["continue", "raise"]
    tracking: TrackingSettings
    pab_file: Path | None = None
    notices: tuple[str, ...] = ()
    psnr_cap_db: float = 100.0
    metric_weights: str | None = None
    advise: AdviseSettings = AdviseSettings()

    def is_baseline(self) -> bool:
        """Whether broadcasting is switched off for every kind.

        A gap of 1 is not a baseline although it reuses nothing: it is sampled through the attached
        method and compared with the baseline, as a control.
        """
        rules = (getattr(self.rules, f.name) for f in fields(self.rules))
        return not any(r.keys if isinstance(r, KeyRule) else r.skip for r in rules)

    def identity(self) -> dict[str, Any]:
        """What determines the point's numbers and which are kept, as plain JSON.

        Rules that reuse nothing are left out, so that they make one point whatever their window
        is. Known only later and so not in it: the weights' digest, the kind of device, versions.
        """
        model = asdict(self.model)
        del model["schedule"]  # It only says early what the sampler says later.
        # A path says where weights lie, not what they are.
        for part in (model, model["vae"], model["text_encoder"]):
            if part.pop("path") is not None:
                part["repository"] = part["revision"] = None
        baseline = self.is_baseline()
        return {
            "model": model,
            "method": None if baseline else self.method,
            "rules": self._active_rules(),
            "broadcast_object": None if baseline else self.broadcast_object,
            "cache": None if baseline else asdict(self.cache),
            "compile": self.compile,
            "deterministic": self.deterministic,
            "prompts": list(self.prompts),
            "seeds": list(self.seeds),
            "steps": self.steps,
            "guidance": float(self.guidance),
            "dtype": self.dtype,
            "metrics": {"names": sorted(self.metrics), "psnr_cap_db": self.psnr_cap_db},
            "measure": asdict(self.measure),
            "record": self._recorded(),
        }

    def _recorded(self) -> dict[str, bool]:
        # Points made before there were maps are those without them.
        recorded: dict[str, bool] = asdict(self.record)
        return {k: v for k, v in recorded.items() if v or k != "attention_maps"}

    def _active_rules(self) -> dict[str, dict[str, Any] | None]:
        depth = self.model.depth
        return {
            "spatial": _resolved(self.rules.spatial, depth),
            "temporal": _resolved(self.rules.temporal, depth),
            "cross": _resolved(self.rules.cross, depth),
            "mlp_spatial": _resolved(self.rules.mlp_spatial, depth),
            "mlp_temporal": _resolved(self.rules.mlp_temporal, depth),
        }


def _resolved(rule: GapRule | KeyRule, depth: int) -> dict[str, Any] | None:
    """A rule as plain JSON; None if it never reuses."""
    if isinstance(rule, KeyRule):
        keys = [
            {"timestep": k.timestep, "reuse_steps": k.reuse_steps, "blocks": sorted(k.blocks)}
            for k in rule.keys
            if k.reuse_steps and k.blocks
        ]
        return {"skip": True, "keys": keys} if keys else None
    if not rule.skip or rule.gap == 1:
        return None
    return {
        "skip": True,
        "threshold": list(rule.threshold),
        "gap": rule.gap,
        "block": None if rule.block in (None, (0, depth - 1)) else list(rule.block),
    }
