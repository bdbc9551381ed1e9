"""The FLOPs column of the paper's table 1, printed and predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.costs import cost_files, published_flops, read_costs
from analysis.data import SweepData
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_HEADERS = (
    "model",
    "row",
    "run with",
    "paper T",
    "ours T",
    "difference T",
    "paper ratio",
    "ours ratio",
    "difference %",
)


def flops_table(data: SweepData) -> MadeTable:
    """The table of a results folder's cost files.

    Raises:
        NothingToShow: there are none for a row of the paper.
    """
    return published_flops_table(read_costs(cost_files(data.sweep.directory.parent)))


def published_flops_table(points: Sequence[Mapping[str, Any]]) -> MadeTable:
    """The table of some points of cost files.

    Raises:
        NothingToShow: none stands beside a row of the paper.
    """
    frame = published_flops(points)
    frame.insert(5, "difference_t", frame["ours_t"] - frame["paper_t"])
    frame["ratio_difference_percent"] = 100 * (frame["ours_ratio"] / frame["paper_ratio"] - 1)
    return MadeTable(_document(frame), csv_text(frame))


def _document(frame: pd.DataFrame) -> TextTable:
    rows = [
        [
            row["model"],
            row["row"],
            row["gaps"] or row["setting"] or "nothing",
            _text(row["paper_t"], ".2f"),
            f"{row['ours_t']:.3f}",
            _text(row["difference_t"], "+.3f"),
            _text(row["paper_ratio"], ".5f"),
            f"{row['ours_ratio']:.5f}",
            _text(row["ratio_difference_percent"], "+.4f"),
        ]
        for row in frame.to_dict("records")
    ]
    of_pab = frame[frame["setting"] == ""]
    tokens = of_pab.groupby("model", sort=False)["text_tokens"].first()
    return TextTable(_HEADERS, rows, [False] * 3 + [True] * 6, _notes(frame, tokens))


def _text(value: float, form: str) -> str:
    return MISSING if pd.isna(value) else format(value, form)


def _notes(frame: pd.DataFrame, tokens: pd.Series) -> list[str]:
    of_models = ", ".join(f"{count} for {model}" for model, count in tokens.items())
    return [
        "T: 10^12 operations of one generation; ratio: to the original.",
        "Ours: counted on the real modules without weights, two operations per multiply-add, "
        "guidance batch of two, padded T5-XXL, every transformer call, decoder; of Open-Sora's "
        "spatial and cross-attention the fused kernels are not counted, as in the paper.",
        f"Chosen so that the originals fit: the text tokens of a prompt ({of_models}) and the "
        "decoder's tiling. The rows of PAB follow.",
        *_other_prompts(frame),
    ]


def _other_prompts(frame: pd.DataFrame) -> list[str]:
    """What is to be known of the rows of other methods, if there are any."""
    others = frame[frame["setting"] != ""]
    if others.empty:
        return []
    tokens = others[others["paper_t"].notna()].groupby("model", sort=False)["text_tokens"].first()
    of_models = ", ".join(f"{count} for {model}" for model, count in tokens.items())
    return [
        "T-GATE and Δ-DiT as PAB's experiments have them, and the originals that their ratios are "
        f"to, were counted with another prompt ({of_models}), which their rows tell. Rows without "
        "a printed number are the same names as the methods' authors mean them.",
    ]
