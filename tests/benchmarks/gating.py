"""Measures what it costs to decide: time of a method's decisions over that of a computed call.

    python tests/benchmarks/gating.py latte_mini --set steps=30 --json gating.json

Every method of the registry that decides while it samples is run on a video of the model, as it is
configured; `--set method.KEY=VALUE` goes to those that have the key. On a CPU seconds are the
process's own, with one thread, so that whoever else is at work does not count. `decide` is what the
policy does before blocks, calls or sites are computed or left out; `keep` what it does after they
are computed. A computed call is the median of the calls that left nothing out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.config.compose import compose
from pab_bench.config.settings import Settings
from pab_bench.engine.policy import Policy
from pab_bench.errors import ConfigError
from pab_bench.experiment.device import clock
from pab_bench.experiment.sampling import denoiser_of, places
from pab_bench.experiment.session import open_session
from pab_bench.experiment.video import Denoiser
from pab_bench.methods.base import plan_of
from pab_bench.methods.registry import METHODS

DECIDE = ("at_call", "run", "leaves_out", "reuses")
KEEP = ("call_ended", "run_ended", "site_ended")


class Timed:
    """Makes policies whose decisions are timed.

    Attributes:
        seconds: by `decide` and `keep`, and by lane and call.
    """

    def __init__(self, make: Callable[[], Policy], now: Callable[[], float]) -> None:
        self._make, self._now = make, now
        self.seconds: dict[str, defaultdict[tuple[int, int], float]] = {}

    def __call__(self) -> Policy:
        """A policy for a new video."""
        policy = self._make()
        self.seconds = {part: defaultdict(float) for part in ("decide", "keep")}
        for part, names in (("decide", DECIDE), ("keep", KEEP)):
            for name in names:
                setattr(policy, name, self._timed(part, getattr(policy, name)))
        return policy

    def _timed(self, part: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def timed(at: Any, *args: Any) -> Any:
            began = self._now()
            result = own(at, *args)
            self.seconds[part][at.lane, at.call] += self._now() - began
            return result

        return timed


def settings_of(model: str, method: str, said: Sequence[str]) -> Settings:
    """The settings of a method on a model; keys that other methods have are left out."""
    keys = dict(line.split("=", 1) for line in said)
    known = {f"method.{name}" for name in METHODS.load(method).__dataclass_fields__}
    own = {k: json_or_text(v) for k, v in keys.items() if not k.startswith("method.") or k in known}
    return compose(model=model, method=method, **own)


def json_or_text(text: str) -> Any:
    """A value as it is typed."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def measure(settings: Settings) -> dict[str, Any] | None:
    """Time one method; None where it has a plan before it samples."""
    session = open_session(settings)
    plan = plan_of(settings.method, session.sampler, settings.steps, settings.guidance)
    if not plan.is_open:
        return None
    now = partial(clock, session.device) if session.device != "cpu" else time.process_time
    denoiser = denoiser_of(settings, session, plan)
    assert denoiser.policy is not None
    timed = Timed(denoiser.policy, now)
    session.warm_up(settings.prompts[0], settings.guidance)
    run, calls = _run(replace(denoiser, policy=timed), settings, now)
    whole = [
        seconds
        for step, seconds in enumerate(calls)
        if not any(own.reuse(g)[step].any() for own in run.executed for g in own.source)
    ]
    call = median(whole) / len(run.executed)
    found: dict[str, Any] = {
        part: sum(own.values()) / max(len(own), 1) for part, own in timed.seconds.items()
    }
    return {
        "method": settings.method.name,
        "call_s": call,
        "decide_s": found["decide"],
        "keep_s": found["keep"],
        "decide_share": found["decide"] / call,
        "keep_share": found["keep"] / call,
        "calls_that_computed": len(whole),
        "calls": len(calls),
    }


def _run(
    denoiser: Denoiser, settings: Settings, now: Callable[[], float]
) -> tuple[Any, list[float]]:
    """A video, and the seconds of each of its steps by the same clock."""
    ends = [now()]
    sampler = denoiser.session.sampler
    own = sampler.denoise

    def told(text: Any, noise: Any, steps: int, guidance: float, ended: Any) -> Any:
        ends[0] = now()

        def both(step: int) -> None:
            ends.append(now())
            ended(step)

        return own(text, noise, steps, guidance, both)

    sampler.denoise = told  # type: ignore[method-assign]
    try:
        run = denoiser.run(places(settings)[0])
    finally:
        del sampler.denoise  # type: ignore[method-assign]
    return run, [end - start for start, end in pairwise(ends)]


def main() -> None:
    """Print a line for every method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="as in model=MODEL")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in arguments.methods:
        try:
            row = measure(settings_of(arguments.model, name, arguments.set))
        except ConfigError as error:
            print(f"{name}: {error}")
            continue
        if row is None:
            continue
        rows.append(row)
        decide, keep, call = (1e3 * row[key] for key in ("decide_s", "keep_s", "call_s"))
        print(
            f"{name}: decides in {decide:.3f} ms, {row['decide_share']:.2%} of a computed call of "
            f"{call:.1f} ms; keeps in {keep:.3f} ms, {row['keep_share']:.2%}; "
            f"{row['calls_that_computed']} of {row['calls']} calls computed"
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
