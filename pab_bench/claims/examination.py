"""All claims on the curves of one baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pab_bench.claims.definition import (
    DEFINITIONS,
    PAPER,
    Definition,
    differences,
    kinds_in,
    resting_steps,
)
from pab_bench.claims.dominance import Dominance, dominance
from pab_bench.claims.finding import TITLES, Finding
from pab_bench.claims.ranking import ORDER, ranking
from pab_bench.claims.stability import stability
from pab_bench.claims.stable_segment import stable_segment
from pab_bench.claims.u_shape import u_shape, with_blocks
from pab_bench.claims.verdict import RULE, Verdict

Subject = tuple[str, str]
"""Claim and what it is about."""


@dataclass(frozen=True)
class Examination:
    """What came out for one baseline.

    Attributes:
        kinds: which kinds the model has.
        resting: steps that were left out, see `resting_steps`.
        dominance: which blocks make the curve of every kind.
        findings: by the paper's definition, with blocks.
        sensitivity: the verdicts by every definition, the paper's included.
    """

    kinds: list[str]
    resting: list[int]
    dominance: list[Dominance]
    findings: list[Finding]
    sensitivity: dict[Definition, dict[Subject, Verdict]]

    @property
    def absent(self) -> list[str]:
        """The paper's kinds that the model does not have."""
        return [kind for kind in ORDER if kind not in self.kinds]

    def verdicts(self) -> dict[Subject, Verdict]:
        """By the paper's definition."""
        return {(found.claim, found.about): found.verdict for found in self.findings}

    def dependent(self) -> list[Subject]:
        """The claims on which not all definitions give the same verdict."""
        return [
            key for key in self.verdicts() if len({v[key] for v in self.sensitivity.values()}) > 1
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kinds": self.kinds,
            "absent_kinds": self.absent,
            "resting_steps": self.resting,
            "dominance": [entry.to_json() for entry in self.dominance],
            "definition": PAPER.name,
            "rule": RULE,
            "findings": [found.to_json() for found in self.findings],
            "sensitivity": [
                {"claim": claim, "about": about, "definition": definition.name, "verdict": verdict}
                for definition, verdicts in self.sensitivity.items()
                for (claim, about), verdict in verdicts.items()
            ],
            "depends_on_definition": [list(key) for key in self.dependent()],
        }


def examine(curves: pd.DataFrame, calls: int, sensitivity: bool = True) -> Examination:
    """Test every claim.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        sensitivity: whether to test them by all definitions, too.

    Raises:
        UnusableCurves: columns are missing, or there are no rows.
    """
    rows = differences(curves, PAPER)
    findings = _findings(rows, calls, per_block=True)
    by_definition = {PAPER: {(found.claim, found.about): found.verdict for found in findings}}
    for definition in DEFINITIONS if sensitivity else ():
        if definition != PAPER:
            others = _findings(differences(curves, definition), calls, per_block=False)
            by_definition[definition] = {(o.claim, o.about): o.verdict for o in others}
    kinds = kinds_in(rows)
    made_by = [dominance(rows[rows["kind"] == kind], kind) for kind in kinds]
    return Examination(kinds, resting_steps(curves), made_by, findings, by_definition)


def _findings(rows: pd.DataFrame, calls: int, per_block: bool) -> list[Finding]:
    parts = {kind: rows[rows["kind"] == kind] for kind in kinds_in(rows)}
    found: list[Finding] = []
    for kind, part in parts.items():
        shape = u_shape(part, calls, kind)
        found += with_blocks(shape, part, calls) if per_block else shape
    found += [stable_segment(part, kind) for kind, part in parts.items()]
    found += ranking(rows, calls, per_block)
    found += [stability(part, "prompt", kind) for kind, part in parts.items()]
    found += [stability(part, "seed", kind) for kind, part in parts.items()]
    # By claim, then by kind.
    return sorted(found, key=lambda finding: list(TITLES).index(finding.claim))
