"""A described model on the terminal, within 100 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pab_bench.systems.call_arguments import CallArguments
from pab_bench.text.missing import MISSING
from pab_bench.text.sizes import size

_TERA = 1e12
_MOST_LEFT_OUT = 40
_HEADS = ("group", "kind", "sites", "TFLOP", "share", "kept", "window", "steps inside")


def show(content: Mapping[str, Any], console: Console) -> None:
    """Print what `describe_model` returned."""
    console.print(_table(content))
    for line in _lines(content):
        console.print(escape(line), highlight=False, soft_wrap=True)
    for notice in content["notices"]:
        console.print(escape(notice), style="yellow", highlight=False, soft_wrap=True)


def _table(content: Mapping[str, Any]) -> Table:
    frames, height, width = content["size"]
    title = (
        f"{content['model']}: {content['transformer']}, "
        f"{content['parameters'] / 1e6:.4g} M parameters, {frames} x {height} x {width}"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in _HEADS:
        left = head in ("group", "kind")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    step = content["flops_step"]
    for group in content["groups"]:
        window = content["windows"].get(group["kind"])
        table.add_row(
            group["group"],
            group["kind"],
            str(group["sites"]),
            *_work(group["flops"], step),
            size(group["kept_bytes"]),
            MISSING if window is None else _window_text(window),
            MISSING if window is None else f"{window['steps_inside']} of {content['steps']}",
        )
    if step is not None:
        table.add_row("outside of all sites", "", "", *_work(content["flops_rest"], step))
    return table


def _work(flops: int | None, step: int | None) -> tuple[str, str]:
    if flops is None or not step:
        return MISSING, MISSING
    return _tera(flops), f"{flops / step:.1%}"


def _tera(flops: int) -> str:
    number = flops / _TERA
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


def _lines(content: Mapping[str, Any]) -> list[str]:
    times, lanes, step = content["timesteps"], content["lanes"], content["flops_step"]
    lines = [f"known from {content['known_from']}, {content['dtype']}"]
    if step is not None:
        lines.append(
            f"a step: {_tera(step)} TFLOP (two operations for a multiply-add), "
            f"{content['text_tokens']} text tokens"
        )
    lines += [
        f"calls of the transformer in a step: {lanes} (guidance {content['guidance']})",
        *([f"model.call: {CallArguments.of(content['call'])}"] if content["call"] else []),
        f"timesteps: {', '.join(map(str, times[:4]))} ... {times[-1]} ({len(times)})",
        *_sections(content["transformers"]),
        "kept: if all outputs of a step are kept, in all of its calls",
    ]
    left_out = list(content["left_out"].items())
    lines += [f"no site: {name}: {why}" for name, why in left_out[:_MOST_LEFT_OUT]]
    more = len(left_out) - _MOST_LEFT_OUT
    return [*lines, f"and {more} more"] if more > 0 else lines


def _sections(called: Sequence[int]) -> list[str]:
    """Which transformer is called at which steps.

    >>> _sections([0, 0, 1])
    ['steps 0 to 1 call transformer 0; steps 2 to 2 call transformer 1']
    """
    if not called:
        return []
    ends = [step for step, this in enumerate(called) if called[step + 1 : step + 2] != [this]]
    starts = [0, *(end + 1 for end in ends[:-1])]
    words = [
        f"steps {start} to {end} call transformer {called[start]}"
        for start, end in zip(starts, ends, strict=True)
    ]
    return ["; ".join(words)]


def _window_text(window: Mapping[str, Any]) -> str:
    """A window of timesteps; a share of the steps with the timesteps that it came to."""
    said, ends = window["window"], window["timesteps_inside"]
    if isinstance(said, str):
        return escape(said if ends is None else f"{said} = {ends[0]} to {ends[1]}")
    return f"{said[0]} to {said[1]}"
