"""What cannot be split, or has gone wrong between ranks."""

from __future__ import annotations

from pab_bench.errors import ConfigError, PabBenchError


class ParallelRefused(ConfigError):
    """A model cannot be split in the way that is asked for."""


class RanksDiffer(PabBenchError):
    """Ranks of one video hold, or have computed, different things."""


class CommunicationMismatch(PabBenchError):
    """Other collectives were issued than follow from what was computed."""
