"""What the engine costs when nothing is reused: `python tests/benchmarks/engine.py`.

Paired runs of the embedded Latte's real pipeline, twice bare and twice with the engine attached;
the ratio is taken pair by pair. A pair's times vary by some per cent, so there are many short ones.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
from pab_bench.broadcast.engine import Broadcast
from pab_bench.broadcast.latte_architecture import LatteArchitecture
from pab_bench.broadcast.plan import make_plan
from pab_bench.broadcast.rules import GapRule, Rules
from pab_bench.minis.captions import split_captions
from pab_bench.minis.evaluate import EMBEDDED, load, sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=15)
    arguments = parser.parse_args()

    pipeline = load(EMBEDDED)
    architecture = LatteArchitecture(pipeline.transformer)
    pipeline.scheduler.set_timesteps(arguments.steps)
    times = [int(t) for t in pipeline.scheduler.timesteps]
    nothing = Rules(*(GapRule(True, (100, 800), 1) for _ in range(5)))
    plan = make_plan(nothing, times, architecture.depth, architecture.groups)
    caption = split_captions()[1][0]

    def run(attached: bool) -> tuple[float, torch.Tensor]:
        began = time.perf_counter()
        if attached:
            with Broadcast(architecture, plan) as broadcast:
                video = sample(pipeline, caption, 0, arguments.steps, 4.0)
            broadcast.ledger.check(plan)
        else:
            video = sample(pipeline, caption, 0, arguments.steps, 4.0)
        return time.perf_counter() - began, video

    for attached in (False, True):
        run(attached)
    ratios, equal = [], True
    for pair in range(arguments.pairs):
        # Bare, attached, attached, bare: a drift of the machine within the pair cancels.
        results = [(attached, *run(attached)) for attached in (False, True, True, False)]
        seconds = {a: sum(s for b, s, _ in results if a == b) for a in (False, True)}
        ratios.append(seconds[True] / seconds[False])
        equal &= all(torch.equal(video, results[0][2]) for _, _, video in results)
        print(f"pair {pair + 1}: bare {seconds[False] / 2:.3f} s, ratio {ratios[-1]:.4f}")
    report = {
        "attached_over_bare": round(statistics.median(ratios), 4),
        "quartiles": [round(q, 4) for q in statistics.quantiles(ratios, n=4)],
        "pairs": arguments.pairs,
        "steps": arguments.steps,
        "threads": torch.get_num_threads(),
        "bit_equal": equal,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
