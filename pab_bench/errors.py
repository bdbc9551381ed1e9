"""The exceptions that pab_bench raises on purpose, so that callers can tell them from bugs."""

from __future__ import annotations


class PabBenchError(Exception):
    """Base of every error that pab_bench raises on purpose."""


class ConfigError(PabBenchError):
    """A setting that cannot be obeyed: the message names field, rule, value and a fix."""


class MetricUnavailable(PabBenchError):
    """A metric that cannot be computed here: the message says what is missing."""
