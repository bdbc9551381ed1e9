"""Two points in a real store, a baseline and a variant, from closed formulas."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import made_timings
import numpy as np

from pab_bench.store.points import Store
from pab_bench.store.records import PointData, Record

STEPS, BLOCKS, PROMPTS = 6, 2, 2


def times(seconds: float) -> dict[str, Any]:
    return {"median": seconds, "values": [seconds], "replayed_share": 0.25}


def record(identifier: str, baseline: str | None, status: str = "ok", **more: Any) -> Record:
    psnr = 31.5 if baseline else None
    return Record(
        id=identifier,
        status=status,  # type: ignore[arg-type]
        config={
            "model": {"name": "tiny"},
            "dtype": "float32",
            "prompts": ["a", "b"],
            "steps": STEPS,
            "guidance": 4.0,
            "rules": {},
            "broadcast_object": "output" if baseline else None,
        },
        model={"name": "tiny", "weights_digest": "d" * 8, "depth": BLOCKS, "parameters": 10},
        prompts=["a", "b"],
        seeds=[0],
        baseline_id=baseline,
        is_baseline=baseline is None,
        provenance={"device": "cpu", "created": "2026-01-01"},
        plan={
            "digest": identifier,
            "calls": STEPS,
            "depth": BLOCKS,
            "timesteps": list(range(STEPS)),
            "reuse_share": {"spatial": 0.5 if baseline else 0.0, "all": 0.5 if baseline else 0.0},
        },
        timing={"denoise_s": times(2.0 if baseline else 3.0)},
        quality={"psnr_db": {"value": psnr, "reason": None, "higher_is_better": True}},
        peak_cache_bytes=1000 if baseline else 0,
        **more,
    )


def data(variant: bool) -> PointData:
    places = [(prompt, 0) for prompt in range(PROMPTS)]
    common = {"kind": "spatial", "branch": "spatial"}
    curves = [
        {"prompt": p, "seed": s, "step": step, "timestep": 100 - step, **common, "block": block}
        | {"tensor": "ungated", "mse": 0.1 * step, "relative_l1": 0.1, "cosine": 1.0, "energy": 1.0}
        for p, s in places
        for step in range(1, STEPS)
        for block in range(BLOCKS)
    ]
    plan = [
        {**common, "call": call, "timestep": 100 - call, "block": block}
        | {"source": call, "reuse": bool(variant and call % 2)}
        for call in range(STEPS)
        for block in range(BLOCKS)
    ]
    steps = [
        {"prompt": p, "seed": s, "repeat": 0, "step": step, "timestep": 100 - step}
        | {"seconds": 0.5, "replayed": step == 0}
        for p, s in places
        for step in range(STEPS)
    ]
    metrics = [
        {"prompt": p, "seed": s, "metric": "psnr_db", "frame": frame, "value": 30.0 + p + frame}
        for p, s in places
        for frame in range(3)
        if variant
    ]
    videos = {place: np.full((4, 32, 32, 3), 90, dtype=np.uint8) for place in places}
    return PointData(plan, steps, [] if variant else curves, metrics, videos, mp4=True)


def store(results: Path) -> tuple[Record, Record]:
    """A baseline and a variant in `results`, whose calls were timed: 6 s, and 4 s."""
    kept = Store(results)
    baseline = kept.save(record("base", None), data(variant=False))
    variant = kept.save(record("variant", "base"), data(variant=True))
    made_timings.write_timings(
        results,
        [asdict(baseline), asdict(variant)],
        {"base": 6.0, "variant": 4.0},
        parts={"spatial": 0.8},
        turns={"variant": [4.1, 3.9]},
    )
    return baseline, variant
