"""Which tables a sweep has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.data import SweepData
from analysis.tables.audit import audit_table
from analysis.tables.differences import differences_table
from analysis.tables.efficiency import efficiency_table
from analysis.tables.flops import flops_table
from analysis.tables.gap_by_kind import gap_by_kind_table
from analysis.tables.metrics import metrics_table
from analysis.tables.published import table1, table2, table3
from analysis.tables.rivals import rivals_table
from analysis.tables.rivals_agreement import rivals_agreement_table
from analysis.tables.segments import segments_table
from analysis.tables.summary import summary_table
from analysis.tables.write import MadeTable

FORMS = ("csv", "md", "tex")


@dataclass(frozen=True)
class Table:
    """A table that can be made.

    Attributes:
        name: its files' name.
        title: what it shows, for people.
        make: makes it.
    """

    name: str
    title: str
    make: Callable[[SweepData], MadeTable]


def tables() -> list[Table]:
    """All tables, in the order in which they are made and shown."""
    return [
        Table("summary", "Summary", summary_table),
        Table("audit", "Audit of other people's accelerations", audit_table),
        Table("rivals", "Methods at equal speed and at equal quality", rivals_table),
        Table("rivals_agreement", "Methods in order on several models", rivals_agreement_table),
        Table("table1", "PAB, table 1: quality and speed beside the paper's", table1),
        Table("table2", "PAB, table 2: components, beside the paper's", table2),
        Table("table3", "PAB, table 3: broadcast object, beside the paper's", table3),
        Table("gap_by_kind", "PAB, figure 8: quality over the gap of one kind", gap_by_kind_table),
        Table("efficiency", "Speedup against what the plan allows", efficiency_table),
        Table("flops", "PAB, table 1: operations, printed and predicted", flops_table),
        Table("segments", "Attention difference: ends and middle of sampling", segments_table),
        Table("metrics", "Every metric of every point", metrics_table),
        Table("differences", "Points against each other, video by video", differences_table),
    ]
