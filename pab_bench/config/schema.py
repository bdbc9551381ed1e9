"""The configuration's shape: Hydra itself refuses what does not fit it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

SCHEMA_NAME = "pab_bench_schema"


@dataclass
class ThresholdConfig:
    """A model's recommended window per kind: [low, high] timesteps, both excluded.

    None for a kind of attention that the model does not have.
    """

    spatial: list[int] | None = MISSING
    temporal: list[int] | None = MISSING
    cross: list[int] | None = MISSING
    mlp: list[int] = MISSING


@dataclass
class KeyedMlpConfig:
    """A model's recommended MLP broadcast, which the presets take."""

    keys: list[int] | None = None
    reuse_steps: int = 2
    block: list[int] | None = None
    key_distance: int = 0


@dataclass
class PartConfig:
    """Where a part of the model is that does not lie with the transformer."""

    path: str | None = None
    repository: str | None = None
    revision: str | None = None


@dataclass
class ModelConfig:
    """conf/model: see `pab_bench.config.settings.ModelSettings`."""

    name: str = MISSING
    sampler: str = MISSING
    path: str | None = None
    repository: str | None = None
    revision: str | None = None
    vae: PartConfig = field(default_factory=PartConfig)
    text_encoder: PartConfig = field(default_factory=PartConfig)
    depth: int = MISSING
    frames: int = MISSING
    height: int = MISSING
    width: int = MISSING
    steps: int = MISSING
    guidance: float = MISSING
    dtype: str = MISSING
    schedule: str | None = None
    transform_scale: float = 1.0
    mlp: KeyedMlpConfig = field(default_factory=KeyedMlpConfig)
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
    file: str | None = None


@dataclass
class MetricsConfig:
    """conf/metrics."""

    names: list[str] = MISSING
    psnr_cap_db: float = 100.0
    weights: str | None = None


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
    attention_maps: bool = False


@dataclass
class MeasureConfig:
    """conf/measure."""

    repeats: int = MISSING
    warmups: int = MISSING
    replay: bool = MISSING
    parts: bool = MISSING


@dataclass
class TapeConfig:
    """How much room the outputs of shared steps may take."""

    memory_gb: float = 2
    disk_gb: float = 4


@dataclass
class SampleConfig:
    """Where `task=sample` writes, and what."""

    folder: str | None = None
    lossless: bool = False


@dataclass
class AdviseConfig:
    """What `task=advise` is to reach, and how much it may sample."""

    max_lpips: float | None = None
    min_psnr: float | None = None
    min_speedup: float | None = None
    max_cache_gb: float | None = None
    budget: int = 14
    max_lag: int = 8
    elements: int = 16384


@dataclass
class CacheConfig:
    """How broadcasting keeps outputs: see `pab_bench.broadcast.cache_options`."""

    dtype: str | None = None
    device: str | None = None


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
    mlp_key_distance: int = 0
    mlp_recommended: bool = False


@dataclass
class RootConfig(RuleKeys):
    """conf/config.yaml: the meaning of each key is there and in `--help`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    task: str = "run"
    # Written by the preset's file, so that a run knows which one it has.
    preset: str = "none"
    without: str = "nothing"

    # For every kind that has none of its own.
    threshold: list[int] | None = None
    block: list[int] | None = None
    broadcast_object: str = "output"
    cache: CacheConfig = field(default_factory=CacheConfig)
    pab_file: str | None = None

    steps: int | None = None
    guidance: float | None = None
    seeds: list[int] = field(default_factory=lambda: [0])
    device: str = "auto"
    dtype: str | None = None
    compile: bool = False
    deterministic: bool = False

    convention: str = "transformer"
    json: str | None = None

    results_dir: str = "results"
    name: str | None = None
    fresh: bool = False
    on_error: str = "continue"
    record: RecordConfig = field(default_factory=RecordConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    tape: TapeConfig = field(default_factory=TapeConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    advise: AdviseConfig = field(default_factory=AdviseConfig)
    objectives: list[str] = field(default_factory=list)


def register_schema() -> None:
    """Make the schema known to Hydra, as `pab_bench_schema` in the defaults list."""
    ConfigStore.instance().store(name=SCHEMA_NAME, node=RootConfig, provider="pab_bench")
