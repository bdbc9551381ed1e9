"""One baseline's examination with what it is about, and beside it its control's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pab_bench.claims.examination import Examination, Subject
from pab_bench.claims.verdict import Verdict


@dataclass(frozen=True)
class Report:
    """Everything that is shown and kept.

    Attributes:
        name: model, steps and guidance, for headings.
        baseline: what was sampled, plain data: id, model, prompts, seeds, steps, provenance.
        curves: rows of curves.parquet.
        calls: transformer calls of one video, step 0 included.
        found: what came out.
        control: what came out for the control; None without one.
        control_told: where the control stands, in a sentence.
    """

    name: str
    baseline: Mapping[str, Any]
    curves: pd.DataFrame
    calls: int
    found: Examination
    control: Examination | None
    control_told: str

    def control_verdicts(self) -> dict[Subject, Verdict]:
        """The control's verdicts; none without a control."""
        return {} if self.control is None else self.control.verdicts()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        control = None if self.control is None else self.control.to_json()
        return {
            "baseline": dict(self.baseline),
            **self.found.to_json(),
            "control": {"told": self.control_told, "examination": control},
        }
