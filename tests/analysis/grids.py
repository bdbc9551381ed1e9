"""Stores of many grid points with closed formulas for quality and time, for ablations and maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_timings
import numpy as np
import pandas as pd
import synthetic

WEIGHT = {"spatial": 1.0, "temporal": 0.6, "cross": 0.2, "mlp": 0.4}
BASELINE = "base" + "0" * 12
VIDEOS = [(prompt, seed) for prompt in range(2) for seed in (0, 1, 2)]
PRESETS = {(2, 3, 6): "pab235", (3, 4, 7): "pab347", (4, 6, 9): "pab469"}


def rule(
    gap: int, low: int = 100, high: int = 800, block: list[int] | None = None
) -> dict[str, Any]:
    """A rule that reuses."""
    return {"skip": True, "threshold": [low, high], "gap": gap, "block": block}


def rules(**gaps: int) -> dict[str, Any]:
    """Rules by kind with the usual window; kinds that are left out compute."""
    return {kind: rule(gap) for kind, gap in gaps.items()}


def loss(own: dict[str, Any]) -> float:
    """More for larger gaps, wider windows and more blocks."""
    total = 0.0
    for kind, entry in own.items():
        low, high = entry["threshold"]
        first, last = entry["block"] or (0, synthetic.DEPTH - 1)
        share = (high - low) / 1000 * (last - first + 1) / synthetic.DEPTH
        total += WEIGHT[kind] * (entry["gap"] - 1) * share
    return total


def write_sweep(
    results: Path, points: list[tuple[dict[str, Any], str]], sampler: str = "LatteSampler"
) -> Path:
    """Write a baseline and a sweep of points given as (rules, broadcast object), all timed."""
    store, sweep = results / "points", results / "sweep" / "now"
    records = [write_point(store, BASELINE, {}, "output", sampler)]
    for number, (own, kept) in enumerate(points):
        identifier = f"p{number:015d}"
        records.append(write_point(store, identifier, own, kept, sampler))
        pointer = {"id": identifier, "cached": False, "status": "ok", "error": None}
        pointer |= {"overrides": [f"n={number}"], "store": "../../points"}
        synthetic.write_json(sweep / str(number) / "point.json", pointer)
    seconds = {r["id"]: r["timing"]["denoise_s"]["median"] for r in records}
    made_timings.write_timings(results, records, seconds)
    return sweep


def write_point(
    store: Path, identifier: str, own: dict[str, Any], kept: str, sampler: str
) -> dict[str, Any]:
    """Write one point with its record, which is returned, and metrics; no plan and videos."""
    folder = store / identifier
    content = record(identifier, own, kept, sampler)
    synthetic.write_json(folder / "record.json", content)
    metrics(own).to_parquet(folder / "metrics.parquet", index=False)
    return content


def record(identifier: str, own: dict[str, Any], kept: str, sampler: str) -> dict[str, Any]:
    """A record in which time falls, and quality too, with what is reused."""
    saved = sum(0.5 * WEIGHT[kind] * (1 - 1 / entry["gap"]) for kind, entry in own.items())
    seconds = 10 - saved * (0 if kept == "scores" else 2)
    content = synthetic.record(1)
    names = ("spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal")
    halves = {"mlp_spatial": own.get("mlp"), "mlp_temporal": own.get("mlp")}
    table = metrics(own).groupby("metric")["value"].mean()
    better = {"psnr_db": True, "ssim": True, "lpips": False, "temporal_flickering": True}
    baseline = identifier == BASELINE
    times = {"median": seconds, "min": seconds, "max": seconds, "values": [seconds]}
    return content | {
        "id": identifier,
        "is_baseline": baseline,
        "baseline_id": None if baseline else BASELINE,
        "config": content["config"]
        | {
            "rules": {name: halves.get(name) or own.get(name) for name in names},
            "method": None if baseline else "pab",
            "broadcast_object": None if baseline else kept,
            "model": {
                "name": "tiny",
                "sampler": f"somewhere:{sampler}",
                "frames": 10,
                "height": 32,
                "width": 32,
            },
        },
        "plan": content["plan"] | {"digest": identifier, "reuse_share": {"all": saved / 2}},
        "seeds": [0, 1, 2],
        "timing": dict.fromkeys(("encode_s", "denoise_s", "decode_s"), times),
        "peak_cache_bytes": int(2**20 * len(own)),
        "quality": {
            name: {
                "value": float(table[name]) if name in table else None,
                "reason": None if name in table else "a baseline is not compared with itself",
                "higher_is_better": higher,
            }
            for name, higher in better.items()
        },
    }


def metrics(own: dict[str, Any]) -> pd.DataFrame:
    """One value per video; a baseline has none that compares."""
    noise = np.random.default_rng(1)
    rows = []
    for prompt, seed in VIDEOS:
        wobble = 1 + 0.2 * noise.normal()
        value = loss(own) * wobble
        here = (prompt, seed, -1)
        rows.append((*here, "temporal_flickering", 0.95 - 0.001 * value))
        if own:
            rows += [
                (*here, "psnr_db", min(100.0, 40 - 4 * value)),
                (*here, "ssim", 1 - 0.02 * value),
                (*here, "lpips", 0.03 * value),
            ]
    return pd.DataFrame(rows, columns=["prompt", "seed", "frame", "metric", "value"])
