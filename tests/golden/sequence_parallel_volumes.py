"""Volumes of released sizes, by formula: what our prediction of collectives adds up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from golden.sequence_parallel import Content

from pab_bench.parallel.latte_kinds import LatteLayout
from pab_bench.parallel.ledger import totals_of
from pab_bench.parallel.predicted import Sharing, predicted_call
from pab_bench.parallel.size import Size
from pab_bench.parallel.stdit3 import STDiT3Layout
from pab_bench.verify.base import Check, check

_GB = 1e9
_ROUNDED = 5e-7
"""Of numbers that are printed with six decimals."""
_GUIDANCE = 2
_HEADS = 16
_OF_A_TOKEN = 32
"""Numbers that a released model predicts for each: 8 channels of 2 x 2 pixels."""


def check_volumes(file: str, content: Content) -> Iterator[Check]:
    """Every row, and the paper's Table 4."""
    for row in content["rows"]:
        name = f"{row['model']}, {row['preset']}, {row['ranks']} ranks, {row['split']}"
        ours = volumes(row)
        apart = max(abs(ours[key] - row[key]) for key in ours)
        yield check(file, name, _ROUNDED, lambda apart=apart: apart)  # type: ignore[misc]
        columns = column(row)
        apart = max(abs(columns[key] - row["column_GB"][key]) for key in columns)
        yield check(file, f"{name}: column", _ROUNDED, lambda apart=apart: apart)  # type: ignore[misc]


def volumes(row: Mapping[str, Any]) -> dict[str, float]:
    """What dynamic sequence parallelism sends, with padding, by the names of the file."""
    size, sharing, layout = _described(row)
    layers, calls, computed = row["layers"], row["calls"], row["attention_calls_computed"]
    call = predicted_call(layout, size, sharing, range(layers))
    totals = totals_of([call])
    message = call[0].message_bytes
    exchanges = totals["all_to_all"]
    length = size.length(sharing.split)
    return {
        "all_to_alls": exchanges["count"] * computed,
        "dsp_message_bytes": message,
        "dsp_local_bytes": exchanges["local_bytes"] * computed,
        "dsp_sent_bytes": exchanges["sent_bytes"] * computed,
        "padding_factor": -(-length // sharing.ranks) * sharing.ranks / length,
        # Both gathers stand in the file without padding: what all ranks contribute together.
        "gather_of_hidden_states_GB": _tokens(size)
        * row["hidden_size"]
        * row["bytes_per_element"]
        * calls
        / _GB,
        "gather_of_outputs_GB": _tokens(size)
        * _OF_A_TOKEN
        * row["bytes_per_element"]
        * calls
        / _GB,
    }


def column(row: Mapping[str, Any]) -> dict[str, float]:
    """The paper's column: without padding and gathers, a rank's own share included.

    From the prediction for a size that divides without padding, scaled to the one at hand.
    """
    size, sharing, layout = _described(row)
    ranks = sharing.ranks
    even = replace(size, frames=size.frames * ranks, tokens=size.tokens * ranks)
    found = {}
    for method in ("megatron_sp", "ulysses", "dsp"):
        own = replace(sharing, method=method, heads=_HEADS)
        calls = predicted_call(layout, even, own, range(row["layers"]))[:-1]
        # A gathered message is a share; the column counts what is gathered.
        total = sum(c.message_bytes * ranks for c in calls) / ranks**2
        found[method] = total * row["attention_calls_computed"] / _GB
    return found


def _described(row: Mapping[str, Any]) -> tuple[Size, Sharing, Any]:
    layout = STDiT3Layout() if _is_stdit3(row["model"]) else LatteLayout()
    size = Size(_GUIDANCE, row["latent_frames"], row["tokens_per_frame"])
    width, element = row["hidden_size"], row["bytes_per_element"]
    sharing = Sharing("dsp", row["split"], "hidden", row["ranks"], _HEADS, width, width, element)
    return size, sharing, layout


def _is_stdit3(model: str) -> bool:
    return model.startswith("open_sora_") and not model.startswith("open_sora_plan")


def _tokens(size: Size) -> int:
    return size.batch * size.frames * size.tokens
