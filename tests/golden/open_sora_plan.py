"""Golden data of Open-Sora-Plan v1.1.0, by its own code and by VideoSys.

Files are told by their content, so that a folder may hold several of a format. What belongs
together (a run and the weights it was made with) is named in the files' own descriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from golden.latte import (
    GROUPS,
    deviations,
    golden_decisions,
    rules_from_videosys,
)

from pab_bench.methods.pab_plan import make_plan
from pab_bench.verify.base import Check, check, failed_check

Content = dict[str, Any]


@dataclass(frozen=True)
class Goldens:
    """The recognised files of a folder: content by format and path."""

    files: Mapping[str, Mapping[Path, Content]]

    def named(self, kind: str, described_in: str) -> Path:
        """The file of format `kind` that `described_in` names, or the only one there is.

        Raises:
            ValueError: if there are several and none of them is named.
        """
        paths = list(self.files.get(kind, {}))
        for path in paths:
            if re.search(rf"\b{re.escape(path.stem)}\b", described_in):
                return path
        if len(paths) != 1:
            names = sorted(path.name for path in paths)
            raise ValueError(f"expected the name of one of the files {names} in {described_in!r}")
        return paths[0]


class OpenSoraPlanVerifier:
    """Checks the transformer, the autoencoder, sampling, broadcast decisions and text cleaning."""

    name = "open_sora_plan"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has at least one file of a known format."""
        return bool(read_goldens(folder).files)

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every file of a known format."""
        # Only now: they need torch and diffusers.
        from golden import open_sora_plan_run as run
        from golden import open_sora_plan_transformer as transformer
        from golden import open_sora_plan_vae as vae

        goldens = read_goldens(folder)
        checkers: dict[str, Callable[[Path, Content], Iterator[Check]]] = {
            "keys": transformer.check_keys,
            "forward": transformer.check_forward,
            "intermediates": partial(transformer.check_intermediates, goldens),
            "sampler": partial(run.check_sampler, goldens),
            "pab": partial(run.check_pab, goldens),
            "decisions": check_decisions,
            "vae keys": vae.check_keys,
            "vae": vae.check_decoding,
            "cleaning": check_cleaning,
        }
        for kind, files in goldens.files.items():
            for path, content in files.items():
                try:
                    yield from checkers[kind](path, content)
                except Exception as error:  # One broken file must not hide the others.
                    yield failed_check(path.name, kind, f"{type(error).__name__}: {error}")


def read_goldens(folder: Path) -> Goldens:
    """All files of a known format in `folder`."""
    found: dict[str, dict[Path, Content]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        kind = _format_of(content) if isinstance(content, dict) else None
        if kind is not None:
            found.setdefault(kind, {})[path] = content
    return Goldens(found)


def _format_of(content: Content) -> str | None:
    keys, what = set(content), str(content.get("what", ""))
    arguments: Content = content.get("constructor_kwargs") or content.get("config") or {}
    if {"keys", "parameter_count"} <= keys:
        if "video_length" in arguments and "LatteT2V" in what:
            return "keys"
        return "vae keys" if "decoder_temporal_upsample" in arguments else None
    if {"calls", "constructor_kwargs"} <= keys and "LatteT2V" in what:
        return "forward"
    if {"tiling", "constructor_kwargs"} <= keys and "decoder_temporal_upsample" in arguments:
        return "vae"
    if {"keys", "identity", "layout"} <= keys and "forward call" in what:
        return "intermediates"
    if {"scheduler_config", "num_inference_steps", "model_calls"} <= keys:
        return "sampler"
    if {"configs", "timesteps", "steps_modulus"} <= keys:
        return "pab"
    if {"configs", "timesteps", "counter_modulus"} <= keys and "PNDM" in what:
        return "decisions"
    return "cleaning" if {"pairs"} <= keys and "prompt cleaning" in what else None


def check_decisions(path: Path, content: Content) -> Iterator[Check]:
    """Recorded decisions against plans.

    Upstream's counters go on counting from one video to the next. Ours begin anew for each, which
    is upstream's first video. That this alone is the difference is checked too: its second video
    has the decisions of a plan for two videos in a row.
    """
    times, period = list(content["timesteps"]), int(content["counter_modulus"])
    for name, case in content["configs"].items():
        first: Mapping[str, Mapping[str, str]] = case.get("first_video") or case["decisions"]
        depth = max(len(blocks) for blocks in first.values())
        rules = rules_from_videosys(case["config"], case.get("spatial_block"))
        one = make_plan(rules, times, depth, GROUPS, counter_period=period)
        yield check(path.name, f"{name}: decisions", 0.0, partial(deviations, one, first), "exact")
        if counts := case.get("reused_count_first_video"):
            reused = {group.name: int(one.reuse(group).sum()) for group in GROUPS}
            wrong = sum(reused[kind] != count for kind, count in counts.items())
            yield check(path.name, f"{name}: reuses per kind", 0.0, partial(float, wrong), "exact")
        if second := case.get("second_video_same_process"):
            two = make_plan(rules, times * 2, depth, GROUPS, counter_period=period)
            behind = sum(
                int((two.reuse(group)[len(times) :] != golden_decisions(second, group)).sum())
                for group in GROUPS
                if group.name in second
            )
            yield check(
                path.name,
                f"{name}: upstream's second video is two videos counted as one",
                0.0,
                partial(float, behind),
                "exact",
            )
            differs = bool(deviations(one, second)) != case["second_video_differs"]
            yield check(
                path.name,
                f"{name}: ours begins anew, and upstream's second video differs as recorded",
                0.0,
                partial(float, differs),
                "exact",
            )


def check_cleaning(path: Path, content: Content) -> Iterator[Check]:
    """Prompts as the tokenizer gets them."""
    from pab_bench.systems.open_sora_plan.text import prepare_prompt

    for index, pair in enumerate(content["pairs"]):

        def differs(pair: Mapping[str, str] = pair) -> float:
            return float(prepare_prompt(pair["prompt"], clean=True) != pair["cleaned"])

        yield check(path.name, f"{index}: {pair['cleaned']}", 0.0, differs, "exact")


def differing_keys(ours: Mapping[str, Any], golden: Mapping[str, list[int]]) -> float:
    """Number of state-dict keys that only one side has, or that have another shape."""
    shapes = {name: tuple(value.shape) for name, value in ours.items()}
    expected = {name: tuple(shape) for name, shape in golden.items()}
    return float(len(set(shapes.items()) ^ set(expected.items())))


def wrong_count(ours: int, golden: int) -> float:
    """How far a number is from what it should be."""
    return float(np.abs(ours - golden))
