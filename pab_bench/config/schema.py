"""The configuration's shape: Hydra itself refuses what does not fit it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

SCHEMA_NAME = "pab_bench_schema"


@dataclass
class ThresholdConfig:
    """A model's recommended window per kind: [low, high] timesteps, both excluded."""

    spatial: list[int] = MISSING
    temporal: list[int] = MISSING
    cross: list[int] = MISSING
    mlp: list[int] = MISSING


@dataclass
class ModelConfig:
    """conf/model: see `pab_bench.config.settings.ModelSettings`."""

    name: str = MISSING
    sampler: str = MISSING
    path: str | None = None
    repository: str | None = None
    revision: str | None = None
    depth: int = MISSING
    frames: int = MISSING
    height: int = MISSING
    width: int = MISSING
    steps: int = MISSING
    guidance: float = MISSING
    dtype: str = MISSING
    schedule: str | None = None
    threshold: ThresholdConfig = field(default_factory=ThresholdConfig)
    negative_prompt: str = ""
    clean_caption: bool = False
    offload: str = "none"
    random_weights: bool = False


@dataclass
class MethodConfig:
    """conf/method."""

    name: str = MISSING


@dataclass
class PromptsConfig:
    """conf/prompts."""

    name: str = MISSING
    texts: list[str] = MISSING


@dataclass
class MetricsConfig:
    """conf/metrics."""

    names: list[str] = MISSING


@dataclass
class TrackingConfig:
    """conf/tracking."""

    name: str = MISSING
    project: str | None = None
    entity: str | None = None
    mode: str = "offline"


@dataclass
class RecordConfig:
    """Which bulky data a point keeps."""

    curves: bool = True
    videos: bool = True


@dataclass
class MeasureConfig:
    """How often a point is timed."""

    repeats: int = 1


@dataclass
class RuleKeys:
    """The keys of the PAB document, and those of MLP broadcast: what a `pab_file` may contain."""

    spatial_skip: bool = True
    spatial_threshold: list[int] | None = None
    spatial_gap: int = 1
    spatial_block: list[int] | None = None

    temporal_skip: bool = True
    temporal_threshold: list[int] | None = None
    temporal_gap: int = 1
    temporal_block: list[int] | None = None

    cross_skip: bool = True
    cross_threshold: list[int] | None = None
    cross_gap: int = 1
    cross_block: list[int] | None = None

    mlp_skip: bool = False
    mlp_threshold: list[int] | None = None
    mlp_gap: int = 1
    mlp_block: list[int] | None = None
    mlp_keys: list[int] | None = None
    mlp_reuse_steps: int = 2


@dataclass
class RootConfig(RuleKeys):
    """conf/config.yaml: the meaning of each key is there and in `--help`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    # Written by the preset's file, so that a run knows which one it has.
    preset: str = "none"

    broadcast_object: str = "output"
    pab_file: str | None = None

    steps: int | None = None
    guidance: float | None = None
    seeds: list[int] = field(default_factory=lambda: [0])
    device: str = "auto"
    dtype: str | None = None

    results_dir: str = "results"
    name: str | None = None
    fresh: bool = False
    on_error: str = "continue"
    record: RecordConfig = field(default_factory=RecordConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)


def register_schema() -> None:
    """Make the schema known to Hydra, as `pab_bench_schema` in the defaults list."""
    ConfigStore.instance().store(name=SCHEMA_NAME, node=RootConfig, provider="pab_bench")
