"""A small store on disk in the recorded formats, from closed formulas and seeded noise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import made_timings
import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from pab_bench.files import write_digests

DEPTH = 4
STEPS = 20
PROMPTS = ("a red disc moves to the right", "a blue square falls")
SEEDS = (0, 1)
GAPS = (1, 2, 4)
BASELINE = "b" * 16
TIMESTEPS = [950 - 50 * step for step in range(STEPS)]
GROUPS = (
    ("spatial", "spatial"),
    ("temporal", "temporal"),
    ("cross", "spatial"),
    ("mlp", "spatial"),
)
SCALE = {"spatial": 1.0, "temporal": 0.3, "cross": 0.1, "mlp": 0.5}
SECONDS = {1: 10.0, 2: 8.0, 4: 5.0}
"""Of denoising one video, by gap."""
ENCODE_S, DECODE_S = 0.5, 2.0
PARTS = {"spatial": 0.2, "temporal": 0.1, "cross": 0.68, "mlp": 0.02}
"""Of a call that reuses nothing: with these the times above are possible."""
FAILURE = {"type": "ValueError", "message": "spatial_gap: must be at least 1, got 0"}


def point_id(gap: int) -> str:
    """The id of the point with that spatial gap; gap 1 is the baseline."""
    return BASELINE if gap == 1 else f"{gap:016d}"


def write_store(root: Path) -> Path:
    """Write three points, their timings and a sweep of four jobs, the last one failed.

    Returns:
        The sweep.
    """
    for gap in GAPS:
        write_point(root / "points", gap)
    time_points(root)
    sweep = root / "gap_grid" / "2026-01-01_00-00-00"
    for number, gap in enumerate(GAPS):
        write_pointer(sweep, number, gap)
    failed = {"id": None, "cached": False, "status": "failed", "error": FAILURE}
    failed |= {"overrides": ["spatial_gap=0", "model=tiny"], "store": "../../points"}
    write_json(sweep / "3" / "point.json", failed)
    return sweep


def time_points(
    root: Path,
    seconds: Mapping[int, float] | None = None,
    turns: Mapping[int, Sequence[float]] | None = None,
    control: float = 1.0,
    parts: Mapping[str, float] | None = PARTS,
) -> None:
    """Time the points, by gap in `SECONDS` or those given; see `made_timings.write_timings`."""
    own = {**SECONDS, **(seconds or {})}
    made_timings.write_timings(
        root,
        [record(gap) for gap in GAPS],
        {point_id(gap): value for gap, value in own.items()},
        parts,
        {point_id(gap): times for gap, times in (turns or {}).items()},
        control,
    )


def write_pointer(sweep: Path, number: int, gap: int) -> None:
    """Write the pointer of one finished job."""
    pointer = {"id": point_id(gap), "cached": False, "status": "ok", "error": None}
    pointer |= {"overrides": [f"spatial_gap={gap}", "model=tiny"], "store": "../../points"}
    write_json(sweep / str(number) / "point.json", pointer)


def write_point(points: Path, gap: int) -> None:
    """Write one point with all its tables and videos."""
    folder = points / point_id(gap)
    write_json(folder / "record.json", record(gap))
    plan(gap).to_parquet(folder / "plan.parquet", index=False)
    metrics(gap).to_parquet(folder / "metrics.parquet", index=False)
    if gap == 1:
        curves().to_parquet(folder / "curves.parquet", index=False)
    (folder / "videos").mkdir(exist_ok=True)
    for prompt in range(len(PROMPTS)):
        for seed in SEEDS:
            frames = {"frames": video(prompt, seed, gap)}
            save_file(frames, folder / "videos" / f"{prompt:03d}-{seed}.safetensors")
    write_digests(folder)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON and make the folder; a record with its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))
    if path.name == "record.json":
        write_digests(path.parent)


def times(seconds: float) -> dict[str, Any]:
    """Those of two videos as the record keeps them."""
    values = [seconds, seconds + 1]
    return {"median": seconds, "min": seconds, "max": seconds + 1, "values": values}


def rule(gap: int) -> dict[str, Any]:
    """A rule as the record keeps it."""
    return {"skip": gap > 1, "threshold": [100, 800], "gap": gap, "block": None}


def record(gap: int) -> dict[str, Any]:
    """The record of the point with that gap."""
    table = plan(gap)
    shares = table.groupby("kind")["reuse"].mean().to_dict() | {"all": table["reuse"].mean()}
    seconds = SECONDS[gap]
    stages = {"encode_s": ENCODE_S, "denoise_s": seconds, "decode_s": DECODE_S}
    rules = {kind: rule(gap) for kind in ("spatial", "temporal")}
    rules |= {"cross": rule(6 if gap > 1 else 1), "mlp": rule(1)}
    return {
        "schema": 1,
        "id": point_id(gap),
        "status": "ok",
        "error": None,
        "config": {
            "model": {"name": "tiny", "random_weights": False},
            "dtype": "float32",
            "rules": rules,
            "broadcast_object": None if gap == 1 else "output",
            "prompts": list(PROMPTS),
            "steps": STEPS,
            "guidance": 7.5,
            "metrics": {"psnr_cap_db": 100.0},
        },
        "model": {"name": "tiny", "weights_digest": "d" * 64, "depth": DEPTH, "parameters": 1000},
        "prompts": list(PROMPTS),
        "seeds": list(SEEDS),
        "baseline_id": None if gap == 1 else BASELINE,
        "is_baseline": gap == 1,
        "plan": {
            "digest": f"{gap:064d}",
            "calls": STEPS,
            "depth": DEPTH,
            "timesteps": TIMESTEPS,
            "reuse_share": shares,
        },
        "ledger": {kind: {"computed": 1, "reused": 0} for kind, _ in GROUPS},
        "timing": {stage: times(median) for stage, median in stages.items()},
        "quality": quality(gap),
        "peak_cache_bytes": 0,
        "provenance": {
            "created": "2026-01-01T00:00:00Z",
            "versions": {"torch": "2.0", "python": "3.11"},
            "device": "cpu",
            "cpu": "Test CPU",
            "threads": 1,
            "git_commit": "abc123",
            "platform": "Linux",
        },
    }


def quality(gap: int) -> dict[str, Any]:
    """Quality values; LPIPS of gap 4 is missing, with a reason."""
    means = metrics(gap).groupby("metric")["value"].mean()
    better = {"psnr_db": True, "ssim": True, "lpips": False, "temporal_flickering": True}
    entries: dict[str, Any] = {
        name: {"value": float(means[name]), "reason": None, "higher_is_better": higher}
        for name, higher in better.items()
    }
    if gap == 4:
        entries["lpips"] |= {"value": None, "reason": "no weights"}
    return entries


def metrics(gap: int) -> pd.DataFrame:
    """Per-frame fidelity, and flickering of the whole video."""
    rows = []
    for prompt in range(len(PROMPTS)):
        for seed in SEEDS:
            wobble = 0.1 * (prompt + seed) * (gap > 1)
            for frame in range(10):
                here = (prompt, seed, frame)
                rows.append((*here, "psnr_db", 100.0 if gap == 1 else 40 - 3 * gap + 10 * wobble))
                rows.append((*here, "ssim", 1 - 0.02 * (gap - 1) - 0.1 * wobble))
                rows.append((*here, "lpips", 0.03 * (gap - 1) + 0.1 * wobble))
            rows.append((prompt, seed, -1, "temporal_flickering", 0.95 + 0.002 * gap))
    return pd.DataFrame(rows, columns=["prompt", "seed", "frame", "metric", "value"])


def plan(gap: int) -> pd.DataFrame:
    """The gap's plan in the window 100 < timestep < 800; cross at gap 6, MLP never."""
    gaps = {"spatial": gap, "temporal": gap, "cross": 6 if gap > 1 else 1, "mlp": 1}
    rows = []
    for kind, branch in GROUPS:
        for call, timestep in enumerate(TIMESTEPS):
            for block in range(DEPTH):
                reuse = 100 < timestep < 800 and call % gaps[kind] != 0
                source = call - call % gaps[kind] if reuse else call
                rows.append((kind, branch, call, timestep, block, source, reuse))
    columns = ["kind", "branch", "call", "timestep", "block", "source", "reuse"]
    return pd.DataFrame(rows, columns=columns)


def curves() -> pd.DataFrame:
    """A U per kind: 10 times the middle in the first and last 15 % of the steps; energy 2."""
    noise = np.random.default_rng(0)
    rows = []
    for prompt in range(len(PROMPTS)):
        for seed in SEEDS:
            for step in range(1, STEPS):
                share = step / (STEPS - 1)
                high = share <= 0.15 or share >= 0.85
                for kind, branch in GROUPS:
                    for tensor in ("ungated",) if kind == "cross" else ("ungated", "gated"):
                        for block in range(DEPTH):
                            factor = 2.0**block * float(np.exp(noise.normal(0, 0.1)))
                            mse = SCALE[kind] * (10 if high else 1) * factor
                            where = (prompt, seed, step, TIMESTEPS[step], kind, branch, block, 0)
                            rows.append((*where, tensor, mse, 0.1 * mse, 0.9, 2.0))
    names = "prompt seed step timestep kind branch block lane tensor mse relative_l1 cosine energy"
    return pd.DataFrame(rows, columns=names.split())


def two_lanes(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows twice, a fifth lower in lane 0 and a fifth higher in lane 1; energy alike."""
    measures = [name for name in ("mse", "relative_l1") if name in rows]
    lanes = [
        rows.assign(lane=lane, **{name: rows[name] * factor for name in measures})
        for lane, factor in enumerate((0.8, 1.2))
    ]
    return pd.concat(lanes, ignore_index=True)


def video(prompt: int, seed: int, gap: int) -> np.ndarray:
    """A disc that moves over a gradient; larger gaps move it away from its place."""
    down, right = np.mgrid[0:32, 0:32]
    frames = np.zeros((10, 32, 32, 3), dtype=np.uint8)
    for frame in range(10):
        centre = 6 + 2 * frame + 0.4 * (gap - 1)
        inside = (right - centre) ** 2 + (down - 12 - 4 * seed) ** 2 < 36
        frames[frame] = (60 + 2 * down)[..., None]
        frames[frame][inside] = (220, 40, 40) if prompt == 0 else (40, 60, 220)
    return frames
