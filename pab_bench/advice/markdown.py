"""An advice for people: `advice.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pab_bench.timings.rounds import CLOCKS

_FRONT_LINES = 15
_METHOD_HEADS = (
    *("method", "setting", "operations", "LPIPS [95 %]", "PSNR dB", "target holds in"),
    "LPIPS minus the first's [95 %]",
)


def markdown(advice: Mapping[str, Any]) -> str:
    """The page of an advice.

    Args:
        advice: what `pab_bench.advice.content` says.
    """
    parts = [
        f"# Rules for {advice['model']}",
        f"Target: {advice['target']['in_words']}.",
        *_recommended(advice),
        *_methods(advice),
        "## What was sampled",
        _sampled(advice),
        _table(
            ("", "rules", "LPIPS", "predicted", "PSNR dB", "predicted", "operations"),
            (_row(trial) for trial in advice["trials"]),
        ),
        _agreement(advice),
        "## Predicted front",
        "By the surrogate after all runs; the rules in between are in `advice.json`.",
        _table(
            ("operations", "LPIPS", "PSNR dB", "held MB", "rules"),
            (_member(member) for member in _some(advice["front"])),
        ),
        "## What the surrogate has learnt",
        _weights(advice["surrogate"]),
        "## Assumptions",
        "\n".join(f"- {line}" for line in advice["assumptions"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _recommended(advice: Mapping[str, Any]) -> list[str]:
    found = advice["recommended"]
    if found is None:
        return [
            "**No sampled rules meet the target.** The nearest are in the table below; a larger "
            "`advise.budget`, or a more modest target, may find some."
        ]
    measured = found["measured"]
    lines = [
        f"**Recommended** (`preset.yaml`): {found['rules']}.",
        f"Measured: LPIPS {measured['lpips']:.5f}, PSNR {measured['psnr']:.2f} dB, "
        f"{found['flops_ratio']:.4f} of the baseline's operations "
        f"({found['operations_speedup']:.3f} times fewer), "
        f"{found['cache_bytes'] / 1e6:.1f} MB held.",
    ]
    if found["speed"] is not None:
        lines.append(f"Speedup of denoising: {_speedup(found['speed'])}.")
    beaten = advice["to_beat"]
    if beaten is not None:
        verdict = (
            "They beat the given rules: at least as good in LPIPS, PSNR and operations, and better "
            "in one"
            if advice["beats"]
            else "They do **not** beat the given rules, which take fewer operations"
        )
        told = f"{verdict}: {beaten['flops_ratio']:.4f} of the baseline's operations"
        timed = beaten["speed"]
        lines.append(told + (f", speedup {_speedup(timed)}." if timed is not None else "."))
    return lines


def _methods(advice: Mapping[str, Any]) -> list[str]:
    """The best of every method, if others than PAB were searched."""
    if "methods" not in advice:
        return []
    ranked, absent = advice["methods"]["ranked"], advice["methods"]["not_met"]
    parts = ["## Methods", advice["methods"]["in_words"]]
    if ranked:
        parts.append(_table(_METHOD_HEADS, (_method(row) for row in ranked)))
    if absent:
        parts.append(f"No sampled setting of {', '.join(absent)} meets the target.")
    notes = dict.fromkeys(row["note"] for row in ranked if row["note"])
    return [*parts, *(f"{note[0].upper()}{note[1:]}." for note in notes)]


def _method(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = row["lpips"]
    lpips = f"{row['measured']['lpips']:.5f}"
    apart = row["difference"]
    text = "-" if apart is None else f"{apart['mean']:+.5f}"
    if apart is not None and apart["low"] is not None:
        text += f" [{apart['low']:+.5f}, {apart['high']:+.5f}]"
    return (
        row["method"],
        row["setting"],
        f"{row['flops_ratio']:.4f}",
        lpips if low is None else f"{lpips} [{low:.5f}, {high:.5f}]",
        f"{row['measured']['psnr']:.2f}",
        "-" if row["holds"] is None else f"{row['holds']:.0%} of draws",
        text,
    )


def _speedup(speed: Mapping[str, Any]) -> str:
    figure = speed["speedup"]
    how = CLOCKS[speed["clock"]]
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}] (95 %, by {how})"


def _sampled(advice: Mapping[str, Any]) -> str:
    return (
        f"{len(advice['trials'])} rules, {advice['videos']} videos with the baseline's, which are "
        f"sampled twice; {advice['videos_sampled_now']} of them now, the others were there."
    )


def _agreement(advice: Mapping[str, Any]) -> str:
    agreement, trust = advice["agreement"], advice["surrogate"]["leave_one_out"]
    lines = []
    if agreement["runs"]:
        lines.append(
            f"Predicted means: before they were sampled, from the runs above. Over "
            f"{agreement['runs']} runs the logarithm of the loss was off by "
            f"{agreement['lpips']['log_error']:.2f} (LPIPS) and "
            f"{agreement['psnr']['log_error']:.2f} (squared error), root mean square."
        )
    if trust:
        lines.append(
            "Each run predicted from all others, after the last: "
            f"{trust['lpips']:.2f} and {trust['psnr']:.2f}."
        )
    return " ".join(lines)


def _weights(surrogate: Mapping[str, Any]) -> str:
    groups = ", ".join(f"{n} {w:+.2f}" for n, w in surrogate["group_weights"].items())
    calls = ", ".join(f"{w:+.2f}" for w in surrogate["call_weights"])
    return (
        f"Natural logarithms of how much more a squared amplitude counts: {groups}; and an "
        f"amplitude, from the first call to the last: {calls}."
    )


def _row(trial: Mapping[str, Any]) -> tuple[str, ...]:
    measured, predicted = trial["measured"], trial["predicted"]
    return (
        trial["name"],
        trial["rules"],
        f"{measured['lpips']:.5f}",
        f"{predicted['lpips']:.5f}" if predicted else "-",
        f"{measured['psnr']:.2f}",
        f"{predicted['psnr']:.2f}" if predicted else "-",
        f"{trial['flops_ratio']:.4f}",
    )


def _member(member: Mapping[str, Any]) -> tuple[str, ...]:
    predicted = member["predicted"]
    return (
        f"{member['flops_ratio']:.4f}",
        f"{predicted['lpips']:.5f}" if predicted else "-",
        f"{predicted['psnr']:.2f}" if predicted else "-",
        f"{member['cache_bytes_at_most'] / 1e6:.1f}",
        member["rules"],
    )


def _some(rows: list[Any]) -> list[Any]:
    if len(rows) <= _FRONT_LINES:
        return rows
    step = (len(rows) - 1) / (_FRONT_LINES - 1)
    return [rows[round(n * step)] for n in range(_FRONT_LINES)]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
