"""What the engine costs and what it saves: `python tests/benchmarks/engine.py`.

The embedded Latte's real pipeline, in pairs of short runs (see `paired`):

* attached_over_bare: the engine attached with nothing reused, over the bare pipeline;
* recording_over_off: attention differences recorded, over not;
* ours_over_diffusers: our PAB, over diffusers' own PAB hook with the same decisions;
* speedup_efficiency: the speedup of PAB 2/4/7, over the bound that the measured time of each kind
  and call implies if reusing were free; the bound by operations stands beside it;
* cache_bytes_equal: whether predicted and held bytes agree.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from diffusers import PyramidAttentionBroadcastConfig

from pab_bench.cost.cache_bytes import predict_cache
from pab_bench.cost.conventions import get_convention
from pab_bench.cost.prediction import predict_flops
from pab_bench.cost.time_bound import time_bound
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.cost.work import Work
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BroadcastObject
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.minis.captions import split_captions
from pab_bench.minis.registry import find_mini
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.site_times import SiteTimes
from pab_bench.systems.registry import get_blueprint

sys.path.insert(0, str(Path(__file__).parent))
from paired import paired_ratio

WINDOW = (100, 800)
GAPS = (2, 4, 7)


class Latte:
    """The embedded Latte, one prompt, one seed."""

    def __init__(self, steps: int, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.mini = find_mini("latte")
        self.sampler = self.mini.load()
        self.steps = steps
        self.text = self.sampler.encode(split_captions()[1][0].text)
        self.noise = self.sampler.noise(0)
        self.latents: torch.Tensor = self.noise

    def plan(self, rules: Rules) -> Plan:
        architecture = self.sampler.architecture
        times = self.sampler.timesteps(self.steps)
        return make_plan(rules, times, architecture.depth, architecture.groups)

    def run(self, plan: Plan | None = None, **engine: Any) -> float:
        """Seconds of denoising; without a plan the bare pipeline."""
        with ExitStack() as attached:
            began = self.clock()
            if plan is not None:
                broadcast = Engine(self.sampler.architecture, plan, **engine)
                attached.enter_context(broadcast)
            self.latents = self.sampler.denoise(
                self.text, self.noise, self.steps, self.mini.guidance, lambda step: None
            )
        seconds = self.clock() - began
        if plan is not None:
            broadcast.ledger.check(plan)
            self.peak = broadcast.peak_cache_bytes
        return seconds

    def run_diffusers(self) -> float:
        """Seconds with diffusers' own hook; its state is new for every run, as ours is."""
        transformer = self.sampler.pipeline.transformer
        now = [0]

        def note(module: Any, args: Any, kwargs: Any) -> None:
            now[0] = int(kwargs["timestep"].flatten()[0])

        config = PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=GAPS[0],
            temporal_attention_block_skip_range=GAPS[1],
            cross_attention_block_skip_range=GAPS[2],
            spatial_attention_timestep_skip_range=WINDOW,
            temporal_attention_timestep_skip_range=WINDOW,
            cross_attention_timestep_skip_range=WINDOW,
            current_timestep_callback=lambda: now[0],
            # Unanchored, the first pattern matches temporal blocks too, with the spatial range.
            spatial_attention_block_identifiers=("^transformer_blocks",),
            temporal_attention_block_identifiers=("^temporal_transformer_blocks",),
            cross_attention_block_identifiers=("^transformer_blocks",),
        )
        hook = transformer.register_forward_pre_hook(note, with_kwargs=True)
        began = self.clock()
        transformer.enable_cache(config)
        self.latents = self.sampler.denoise(
            self.text, self.noise, self.steps, self.mini.guidance, lambda step: None
        )
        transformer.disable_cache()
        seconds = self.clock() - began
        hook.remove()
        return seconds


def gap_rules(gaps: Sequence[int]) -> Rules:
    return Rules(*(GapRule(True, WINDOW, gap) for gap in gaps))


def measured_bound(latte: Latte, plan: Plan, repeats: int) -> float:
    """The largest speedup that reusing for free would give, from the times of baseline runs."""
    bounds = []
    for _ in range(repeats):
        probe = SiteTimes("cpu")
        latte.run(latte.plan(Rules()), probe=probe)
        # By the probe's own clock, whichever clock the rest has.
        rows = probe.rows()
        bounds.append(time_bound(plan, rows, sum(row["transformer_s"] for row in rows)))
    return statistics.median(bounds)


def flop_bound(latte: Latte, plan: Plan) -> float:
    work = transformer_work(*_meta(latte))
    convention = get_convention("transformer")
    return 1 / predict_flops(plan, [work], convention, "latte", Work(), Work()).ratio


def _meta(latte: Latte) -> tuple[Any, Any]:
    blueprint = get_blueprint(latte.mini.settings, "float32")
    return blueprint.architecture, blueprint.inputs(2, latte.text.tokens)


def cache_bytes_equal(latte: Latte) -> bool:
    """Predicted against held bytes, for several rules, objects and dtypes."""
    keys = KeyRule(
        tuple(
            KeyTime(t, 2, frozenset(range(5))) for t in latte.sampler.timesteps(latte.steps)[3::4]
        )
    )
    rules = gap_rules(GAPS)
    with_mlp = Rules(rules.spatial, rules.temporal, rules.cross, keys, keys)
    objects: tuple[BroadcastObject, ...] = ("output", "ungated", "scores")
    cases = [(rules, kept, CacheOptions()) for kept in objects]
    cases += [(with_mlp, "output", CacheOptions(d)) for d in (None, "bfloat16", "float8_e4m3fn")]
    equal = True
    for case, kept, options in cases:
        plan = latte.plan(case)
        predicted = predict_cache(plan, [transformer_work(*_meta(latte), kept)], options).peak
        latte.run(plan, broadcast_object=kept, cache=options)
        print(
            f"cache, {kept}, {options.dtype or 'float32'}: "
            f"{latte.peak} bytes, predicted {predicted}"
        )
        equal &= 0 < latte.peak == predicted
    return equal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--pab-steps", type=int, default=25, help="steps of the runs with PAB")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="CPU seconds of the process, for a machine that others use; with OMP_NUM_THREADS=1",
    )
    arguments = parser.parse_args()
    pairs = arguments.pairs
    clock = time.process_time if arguments.cpu_time else time.perf_counter

    short = Latte(arguments.steps, clock)
    nothing = short.plan(gap_rules((1, 1, 1)))
    bare = short.run
    attached = paired_ratio("attached / bare", bare, lambda: short.run(nothing), pairs)
    bare()
    expected = short.latents
    short.run(nothing)
    bit_equal = torch.equal(expected, short.latents)
    recorder = AttentionDifference()
    recording = paired_ratio(
        "recording / off",
        lambda: short.run(nothing),
        lambda: short.run(nothing, observers=[recorder]),
        pairs,
    )

    long = Latte(arguments.pab_steps, clock)
    plan = long.plan(gap_rules(GAPS))
    diffusers = paired_ratio(
        "ours / diffusers", long.run_diffusers, lambda: long.run(plan), max(pairs // 2, 2)
    )
    long.run_diffusers()
    expected = long.latents
    long.run(plan, broadcast_object="ungated")
    same_decisions = torch.equal(expected, long.latents)
    speedup = paired_ratio("baseline / PAB", lambda: long.run(plan), long.run, max(pairs // 2, 2))
    by_time = measured_bound(long, plan, max(pairs // 4, 3))
    by_flops = flop_bound(long, plan)

    report = {
        "attached_over_bare": round(attached.median, 4),
        "recording_over_off": round(recording.median, 4),
        "ours_over_diffusers": round(diffusers.median, 4),
        "speedup_efficiency": round(speedup.median / by_time, 4),
        "cache_bytes_equal": cache_bytes_equal(long),
        "speedup": round(speedup.median, 4),
        "bound_by_time": round(by_time, 4),
        "bound_by_flops": round(by_flops, 4),
        "efficiency_by_flops": round(speedup.median / by_flops, 4),
        "quartiles": {
            "attached_over_bare": attached.quartiles,
            "recording_over_off": recording.quartiles,
            "ours_over_diffusers": diffusers.quartiles,
            "speedup": speedup.quartiles,
        },
        "bit_equal": bit_equal,
        "same_decisions_as_diffusers": same_decisions,
        "pairs": pairs,
        "steps": [arguments.steps, arguments.pab_steps],
        "threads": torch.get_num_threads(),
        "clock": "cpu" if arguments.cpu_time else "wall",
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
