"""The schema of what is kept of a grid point. Readable without us: JSON, parquet, safetensors, mp4.

A point is a folder::

    record.json       scalars, status, provenance, its own full configuration
    plan.parquet      kind, branch, call, timestep, block, source, reuse; of a model with several
                      transformers also transformer, the index of the one that is called; where
                      more than sites is left out also how and rows; of a method that decides while
                      it samples prompt, seed, lane, how, rows, gate (the number by which was
                      decided) and gate_computes (what it means, where it alone decides)
    steps.parquet     prompt, seed, repeat, step, timestep, seconds, replayed; with measure.parts
                      the seconds of every kind and part, see `pab_bench.probes.site_times`
    curves.parquet    baselines only: prompt, seed, step, timestep, kind, branch, block, lane,
                      tensor, mse, relative_l1, cosine, energy; without `lane`, as in points of
                      before, it is 0
    attention_maps.safetensors
                      baselines with record.attention_maps only, of the first video: `steps`,
                      `blocks`, and by group (`spatial`, `temporal`, `cross`, `mlp_spatial`, ...)
                      float32 (blocks, steps, frames, height, width) in tokens: mean over channels
                      of |output - output of the step before|, before the gate
    metrics.parquet   prompt, seed, frame (-1: the whole video), metric, value
    videos/           PPP-SEED.safetensors (`frames`, uint8) and PPP-SEED.mp4
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pab_bench.names import WITH_NUMBERS, PointStatus
from pab_bench.store.mp4 import write_mp4

SCHEMA = 1
ARCHIVES = "archives"
"""Of a record's provenance: the archives that it came through."""
_ADDED_LATER = {"control"}


@dataclass(frozen=True)
class Record:
    """Everything about a point but its tables and videos.

    Attributes:
        id: the point's address.
        status: whether it was computed; `reused_nothing` where all of it was, by a method that
            decides while it samples, so that its videos are the baseline's.
        error: `type` and `message` of what went wrong, or None.
        config: the configuration that determines the point.
        model: name, weights digest, depth, parameters.
        prompts: the prompts; tables count them from 0.
        seeds: the seeds.
        baseline_id: the point that this one is compared with; None for a baseline.
        is_baseline: whether nothing was reused, by configuration.
        plan: digest, calls, depth, timesteps, share of reused visits per kind; `windows`: per kind
            that reuses by gap its `threshold`, how many of the `steps` lie inside
            (`steps_inside`), the `timesteps` of the first and the last of them, and, where
            `threshold=auto` was said, what was `found` in which baseline. Points of before have no
            `windows`. Of a method that decides while it samples also `open`, whether it has
            `reused_nothing`, and `remarks` on the numbers by which it has decided.
        ledger: computed and reused visits per group, summed over the videos.
        timing: per stage (`encode_s`, `denoise_s`, `replay_s`, `decode_s`, with measure.parts
            those of `pab_bench.probes.site_times` too) the values of every video with their
            median, quartiles, smallest and largest; of the whole point `metrics_s`, `point_s`
            (sampling and metrics) and `write_s` (tables and videos to disk). A replayed step
            enters `denoise_s` with the time of the run that computed it; `replay_s` is what
            playing all of them took instead. By
            `time.perf_counter`, on a GPU after waiting for it.
        quality: per metric column its value, the reason where it is missing, on how many videos
            it rests, and what the metric declares (label, unit, direction, ideal, definition, ...).
        inputs: per video, digests of its noise and embeddings: what variants share with their
            baseline; and `tokens`, what the tokenizer made of its prompt: the `digest` of the
            tokens that are read, the same for prompts that are one video, how many there are
            (`count`) and are read (`kept`), the part that is not (`dropped`), and `unknown` words.
            Points of before have no `tokens`.
        peak_cache_bytes: the most that broadcasting held at once.
        cost: what was predicted of denoising one video: operations of baseline and method, their
            ratio and convention, and the bytes that broadcasting would hold (`cache_bytes`); or
            the `reason` why it could not be.
        memory: the most that denoising needed, in bytes: the allocator's peak on a GPU, otherwise
            the process's.
        provenance: versions, device, commit, time; of a point that was not made here the `archives`
            that it came through (`pab_bench.archive.origin`).
        control: of a variant that reuses nothing, whether its frames are its baseline's
            (`identical`), and how far they are not; empty for other points.
        files: the files of the point's folder.
    """

    id: str
    status: PointStatus
    config: Mapping[str, Any]
    model: Mapping[str, Any]
    prompts: list[str]
    seeds: list[int]
    baseline_id: str | None
    is_baseline: bool
    provenance: Mapping[str, Any]
    error: Mapping[str, str] | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    peak_cache_bytes: int = 0
    cost: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    control: Mapping[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    @property
    def has_numbers(self) -> bool:
        """Whether it was computed."""
        return self.status in WITH_NUMBERS

    @property
    def archives(self) -> Sequence[Mapping[str, str]]:
        """The archives that it came through, in order; none if it was made in its store."""
        return self.provenance.get(ARCHIVES, ())

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the schema's version."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """Read what `to_json` wrote.

        Raises:
            ValueError: if it has another schema, other fields, or fields of another kind.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"expected an object, got {type(content).__name__}")
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, got {content.get('schema')!r}")
        values = {name: value for name, value in content.items() if name != "schema"}
        known = {f.name for f in fields(cls)}
        # Points of before lack what was added since.
        differing = (set(values) ^ known) - (_ADDED_LATER - set(values))
        if differing:
            raise ValueError(f"fields differ: {sorted(differing)}")
        hints = typing.get_type_hints(cls)
        wrong = [name for name, value in values.items() if not _fits(value, hints[name])]
        if wrong:
            raise ValueError(f"fields of another kind: {', '.join(wrong)}")
        return cls(**values)

    def with_files(self, files: list[str]) -> Record:
        """The same record with its list of files."""
        return replace(self, files=files)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of a JSON file is of the kind that a field has."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_fits(entry, arguments[0]) for entry in value)
    return isinstance(value, origin or hint)


Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class PointData:
    """A point's tables and videos.

    Attributes:
        plan: rows of `plan.parquet`.
        steps: rows of `steps.parquet`.
        curves: rows of `curves.parquet`; none unless differences were recorded.
        metrics: rows of `metrics.parquet`.
        videos: frames by (prompt index, seed), uint8 (frames, height, width, 3).
        mp4: whether to write mp4 files beside the lossless frames.
        attention_maps: tensors of `attention_maps.safetensors`; none unless they were recorded.
    """

    plan: Rows
    steps: Rows
    curves: Rows
    metrics: Rows
    videos: Mapping[tuple[int, int], npt.NDArray[np.uint8]]
    mp4: bool
    attention_maps: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write everything into `folder`."""
        import pandas as pd
        from safetensors.numpy import save_file

        tables = {
            "plan": self.plan,
            "steps": self.steps,
            "curves": self.curves,
            "metrics": self.metrics,
        }
        for name, rows in tables.items():
            if rows:
                pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet", index=False)
        if self.attention_maps:
            save_file(dict(self.attention_maps), folder / "attention_maps.safetensors")
        (folder / "videos").mkdir()
        for (prompt, seed), frames in self.videos.items():
            stem = folder / "videos" / f"{prompt:03d}-{seed}"
            save_file({"frames": np.ascontiguousarray(frames)}, stem.with_suffix(".safetensors"))
            if self.mp4:
                write_mp4(stem.with_suffix(".mp4"), frames)
