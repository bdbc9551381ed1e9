"""What can be wrong with a folder that is analysed."""

from __future__ import annotations

from pab_bench.errors import PabBenchError


class AnalysisError(PabBenchError):
    """Base of all errors that the analysis raises on purpose."""


class NotASweep(AnalysisError):
    """The folder holds no jobs."""


class UnreadableRecord(AnalysisError):
    """A JSON file is damaged or of a schema that this version does not know."""


class NothingToShow(AnalysisError):
    """There is no data for a figure or table; the message says what is missing."""
