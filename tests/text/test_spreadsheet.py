"""What a spreadsheet would evaluate is text, and everything comes back as it was."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from pab_bench.text.spreadsheet import csv_text, original


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1|x", "@SUM(A1)", "\tx", "'quoted", "''", "-", "=", "'=1"]
)
def test_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    frame = pd.DataFrame({"prompt": [text, "a star"], "psnr": [-1.5, 2.0]})
    written = csv_text(frame)
    read = pd.read_csv(io.StringIO(written), keep_default_na=False)
    assert read["prompt"][0] == f"'{text}"
    pd.testing.assert_frame_equal(original(read), frame)


def test_numbers_stay_numbers() -> None:
    frame = pd.DataFrame(
        {
            "x": [-1.25, float("nan")],
            "n": pd.array([-3, None], dtype="Int64"),
            "swept": ["-5", "+1e3"],
        }
    )
    assert csv_text(frame) == "x,n,swept\n-1.25,-3,-5\n,,+1e3\n"


def test_what_is_missing_stays_missing() -> None:
    frame = pd.DataFrame({"error": [None, "=x"], "point": ["a", None]})
    assert csv_text(frame) == "error,point\n,a\n'=x,\n"
