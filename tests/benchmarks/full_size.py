"""Speed of the full-size transformers: `python tests/benchmarks/full_size.py`, on a CUDA device.

The released architectures with random weights, since speed does not depend on their values; nothing
is downloaded. What is timed is denoising: all transformer calls of a video with classifier-free
guidance, without text encoder, scheduler and decoder. Each preset's speedup stands beside the one
that the paper prints (of a whole generation on one H100) and beside the bounds that operations and
the measured time of each kind imply, its cache memory beside the prediction.

`--minis --device cpu` runs the embedded minis' shapes instead, to see that everything works. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from torch import nn

from analysis.paper.facts import table
from pab_bench.config import hydra_setup
from pab_bench.config.paths import CONF
from pab_bench.config.resolve import resolve
from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.estimate import cache_of, flops_of
from pab_bench.cost.time_bound import time_bound
from pab_bench.engine.engine import Engine
from pab_bench.experiment.execution import compile_sites, set_deterministic
from pab_bench.methods.base import plan_of
from pab_bench.probes.clock import clock_of
from pab_bench.probes.memory import PeakMemory
from pab_bench.probes.site_times import SiteTimes
from pab_bench.systems.registry import get_blueprint

PRESETS = {
    "latte": ("pab236", "pab347", "pab469"),
    "open_sora": ("pab246", "pab357", "pab579"),
    "open_sora_plan": ("pab246", "pab357", "pab579"),
}
PAPER_NAMES = {
    "latte": "latte_1",
    "open_sora": "open_sora_1_2",
    "open_sora_plan": "open_sora_plan_1_1",
}
TEXT_TOKENS = 60
"""Of a prompt of the length that video models are given; of little effect on speed."""


def settings_of(model: str, preset: str, dtype: str | None) -> Settings:
    """The configuration of a model and preset, as a run would have it."""
    overrides = [f"model={model}", f"preset={preset}", *([f"dtype={dtype}"] if dtype else [])]
    return resolve(compose("config", overrides), overrides)


class Denoising:
    """A transformer of random weights and what it is called with."""

    def __init__(self, settings: Settings, device: str, compiled: bool) -> None:
        self.device = device
        self.clock = clock_of(device)
        blueprint = get_blueprint(settings.model, settings.dtype)
        self.architecture = blueprint.architecture
        transformer = self.architecture.transformer
        inputs = blueprint.inputs(2, min(TEXT_TOKENS, blueprint.padded_text_tokens))
        torch.manual_seed(0)
        # Not diffusers' own methods, which know nothing of transformers without numbers.
        nn.Module.to_empty(transformer, device=device)
        with torch.no_grad():
            for tensor in (*transformer.parameters(), *transformer.buffers()):
                if tensor.is_floating_point():
                    tensor.normal_(0, 0.02)
        self.inputs = {name: self._with_numbers(value) for name, value in inputs.items()}
        if compiled:
            compile_sites(self.architecture)

    def _with_numbers(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if not value.is_meta:
            return value.to(self.device)
        return torch.randn(value.shape, device=self.device).to(value.dtype)

    @torch.no_grad()
    def run(self, timesteps: Sequence[int]) -> float:
        """Seconds of all calls."""
        x = self.inputs["hidden_states"]
        start = self.clock.mark()
        for timestep in timesteps:
            time = torch.full((len(x),), timestep, device=self.device)
            time = time.to(self.inputs["timestep"].dtype)
            called = {**self.inputs, "hidden_states": x, "timestep": time}
            output = self.architecture.transformer(**called)[0][:, : x.shape[1]]
            x = x - 1e-3 * output.to(x.dtype)
        return self.clock.seconds(start, self.clock.mark())


def measure(system: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All presets of one system, in turns with its baseline."""
    model = f"{system}_mini" if arguments.minis else system
    every = {p: settings_of(model, p, arguments.dtype) for p in ("none", *PRESETS[system])}
    blueprint = get_blueprint(every["none"].model, every["none"].dtype)
    tokens = min(TEXT_TOKENS, blueprint.padded_text_tokens)
    plans = {
        name: plan_of(settings.method, blueprint, settings.steps)
        for name, settings in every.items()
    }
    convention = get_convention(DEFAULT)
    # Predicted while the transformer has no numbers yet.
    flops = {n: flops_of(s, convention, plans[n], tokens) for n, s in every.items()}
    predicted = {n: cache_of(s, plans[n], tokens).peak for n, s in every.items()}

    denoising = Denoising(every["none"], arguments.device, arguments.compile)
    timesteps = plans["none"].timesteps
    denoising.run(timesteps[:3])  # Compiles, chooses kernels.
    seconds: dict[str, list[float]] = {name: [] for name in every}
    held: dict[str, int] = {}
    memory: dict[str, dict[str, int | bool]] = {}
    for _ in range(arguments.repeats):
        for name, plan in plans.items():
            with (
                PeakMemory(arguments.device) as peak,
                Engine(denoising.architecture, plan) as engine,
            ):
                seconds[name].append(denoising.run(timesteps))
            engine.ledger.check(plan)
            held[name], memory[name] = engine.peak_cache_bytes, peak.values
    probe = SiteTimes(arguments.device, inside=not arguments.compile)
    with Engine(denoising.architecture, plans["none"], probe=probe):
        whole = denoising.run(timesteps)
    times = probe.rows()

    rows = []
    baseline = statistics.median(seconds["none"])
    published = {r.gaps: r.cells for r in table(1).rows if r.model == PAPER_NAMES[system]}
    for name, settings in every.items():
        if name == "none":
            continue
        rules, plan = settings.method.rules, plans[name]
        gaps = rules.spatial.gap, rules.temporal.gap, rules.cross.gap
        printed = published.get(gaps, {}).get("speedup")
        speedup = baseline / statistics.median(seconds[name])
        bound = time_bound(plan, times, whole)
        rows.append(
            {
                "preset": name,
                "seconds": seconds[name],
                "speedup": round(speedup, 4),
                "paper": None if printed is None else printed.value,
                "bound_by_time": round(bound, 4),
                "bound_by_flops": round(1 / flops[name].ratio, 4),
                "efficiency": round(speedup / bound, 4),
                "cache_bytes": held[name],
                "cache_bytes_equal": held[name] == predicted[name],
                "memory": memory[name],
            }
        )
        print(
            f"{model} {name}: {speedup:.2f}x (paper {rows[-1]['paper']}, bound by time "
            f"{bound:.2f}x, by operations {rows[-1]['bound_by_flops']:.2f}x), "
            f"cache {held[name] / 2**30:.2f} GiB"
        )
    parts = {name: sum(row[name] for row in times) for name in times[0]}
    return {
        "model": model,
        "dtype": every["none"].dtype,
        "calls": len(timesteps),
        "baseline_seconds": seconds["none"],
        "baseline_memory": memory["none"],
        "baseline_parts_s": parts,
        "presets": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=("float16", "bfloat16", "float32"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--minis", action="store_true", help="the embedded minis' shapes")
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no CUDA device (--minis --device cpu is a trial)")
    set_deterministic(arguments.deterministic)
    hydra_setup.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        systems = [measure(system, arguments) for system in arguments.systems]
    on_gpu = arguments.device.startswith("cuda")
    report = {
        "device": torch.cuda.get_device_name(arguments.device) if on_gpu else "cpu",
        "torch": torch.__version__,
        "compile": arguments.compile,
        "deterministic": arguments.deterministic,
        "threads": torch.get_num_threads(),
        "systems": systems,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
