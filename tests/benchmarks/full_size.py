"""Speed of the full-size transformers: `python tests/benchmarks/full_size.py`, on a CUDA device.

The released architectures with random weights, since speed does not depend on their values; nothing
is downloaded. What is timed is denoising: all transformer calls of a video with classifier-free
guidance, without text encoder, scheduler and decoder. Calls are timed in turns by their classes, as
everywhere; with `--repeats` whole videos, too. Each preset's speedup stands beside the one that the
paper prints (of a whole generation on one H100) and beside the bounds that operations and the
measured time of each kind imply; with whole videos, its cache memory beside the prediction.

`--minis --device cpu` runs the embedded minis' shapes instead, to see that everything works. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
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
from pab_bench.engine.engine import Engine
from pab_bench.engine.plan import Plan
from pab_bench.experiment.execution import compile_sites, set_deterministic
from pab_bench.methods.base import plan_of
from pab_bench.probes.clock import clock_of
from pab_bench.probes.memory import PeakMemory
from pab_bench.speed.captured import Captured
from pab_bench.speed.timing_pass import PassInput, PassLimits, run_pass
from pab_bench.speed.wanted import wanted_plan
from pab_bench.systems.registry import get_blueprint
from pab_bench.timings.call_classes import plan_calls
from pab_bench.timings.estimate import Estimator

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

    def capture(self, steps: int) -> list[Captured]:
        """What all calls are made with; see `Timeable`."""
        del steps
        return [Captured((), self.inputs, None)]

    def without_transformer(
        self, captured: Sequence[Captured], steps: int, mark: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """There is no sampler around it."""
        del captured, steps
        return mark(), mark()

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
    """All presets of one system, in turns with its baseline, which is its own control."""
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
    wanted = {name: wanted_plan(settings, plans[name]) for name, settings in every.items()}
    classes = [
        kind for one in wanted.values() for kind in plan_calls(one.plan, one.keeping).classes
    ]
    timed = run_pass(
        PassInput(
            denoising,
            arguments.device,
            [every["none"].steps],
            list(dict.fromkeys(classes)),
            [one.timed() for one in wanted.values()],
        ),
        PassLimits(0.005, arguments.budget),
    )
    if timed is None:
        raise SystemExit(f"{model}: {arguments.budget:g} s were not enough (--budget)")
    estimator = Estimator([timed])
    videos = whole_videos(denoising, plans, arguments)

    rows = []
    published = {r.gaps: r.cells for r in table(1).rows if r.model == PAPER_NAMES[system]}
    for name, settings in every.items():
        rules = settings.method.rules
        gaps = rules.spatial.gap, rules.temporal.gap, rules.cross.gap
        printed = published.get(gaps, {}).get("speedup")
        speed = estimator.speed(wanted[name].timed())
        if speed is None or speed.bound is None:
            raise SystemExit(f"{model} {name}: too few rounds; a larger --budget gives more")
        speedup, bound = speed.speedup, speed.bound
        by_flops = 1 / flops[name].ratio
        row = {
            "preset": name,
            "speedup": [round(n, 4) for n in (speedup.value, speedup.low, speedup.high)],
            "paper": None if printed is None else printed.value,
            "bound_by_time": [round(n, 4) for n in (bound.value, bound.low, bound.high)],
            "bound_by_flops": round(by_flops, 4),
            "efficiency": round(speedup.value / bound.value, 4),
            "denoise_s": speed.seconds,
            "cache_bytes_predicted": predicted[name],
            "videos": videos.get(name),
        }
        rows.append(row)
        print(
            f"{model} {name}: {speedup.value:.3f} [{speedup.low:.3f}, {speedup.high:.3f}] "
            f"(paper {row['paper']}, bound by time {bound.value:.3f}, by operations "
            f"{by_flops:.3f}), {speed.rounds} rounds"
        )
    return {
        "model": model,
        "dtype": every["none"].dtype,
        "calls": plans["none"].calls,
        "classes": len(set(classes)),
        "pass_s": round(timed.took_s, 1),
        "rounds": len(timed.rounds),
        "machine": timed.rounds[-1].machine,
        "presets": rows,
    }


def whole_videos(
    denoising: Denoising, plans: Mapping[str, Plan], arguments: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Per plan seconds of whole videos in turns, their speedup, cache and memory."""
    timesteps = plans["none"].timesteps
    found: dict[str, dict[str, Any]] = {name: {"seconds": []} for name in plans}
    for _ in range(arguments.repeats):
        for name in [*plans, *reversed(plans)]:
            with (
                PeakMemory(arguments.device) as peak,
                Engine(denoising.architecture, plans[name]) as engine,
            ):
                found[name]["seconds"].append(denoising.run(timesteps))
            engine.ledger.check(plans[name])
            found[name] |= {"cache_bytes": engine.peak_cache_bytes, "memory": peak.values}
    if not arguments.repeats:
        return {}
    baseline = statistics.median(found["none"]["seconds"])
    for own in found.values():
        own["speedup"] = round(baseline / statistics.median(own["seconds"]), 4)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=("float16", "bfloat16", "float32"))
    parser.add_argument("--repeats", type=int, default=0, help="whole videos, twice that many")
    parser.add_argument("--budget", type=float, default=60, help="seconds for each system's calls")
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
