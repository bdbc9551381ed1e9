"""Timings below a results folder: one file for all that is timed together."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pab_bench.files import read_sealed_json, write_sealed_json
from pab_bench.names import Locks
from pab_bench.store.locks import held
from pab_bench.timings.estimate import Estimator, Speed
from pab_bench.timings.rounds import TimedPlan, TimingPass
from pab_bench.timings.videos import TimedVideos

_log = logging.getLogger(__name__)
SCHEMA = 1
FOLDER = "timings"


@dataclass(frozen=True)
class Timings:
    """All that was timed under one key.

    Attributes:
        key: see `timings_key`.
        plans: by `plan_name`.
        passes: rounds of calls.
        videos: whole videos.
        reason: why nothing could be measured when it was last tried; empty if it was.
    """

    key: Mapping[str, Any]
    plans: Mapping[str, TimedPlan] = field(default_factory=dict)
    passes: tuple[TimingPass, ...] = ()
    videos: tuple[TimedVideos, ...] = ()
    reason: str = ""

    def speed(self, plan: str) -> Speed | None:
        """The speed of a plan, by its name; None if it was not timed, or not often enough."""
        if plan not in self.plans:
            return None
        return self.speed_of(self.plans[plan])

    def speed_of(self, plan: TimedPlan) -> Speed | None:
        """The speed of any plan whose classes of calls were timed, for whichever others."""
        return self._estimator.speed(plan)

    @cached_property
    def _estimator(self) -> Estimator:
        return Estimator(self.passes)

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the schema's version."""
        return {
            "schema": SCHEMA,
            "key": dict(self.key),
            "plans": {name: asdict(plan) for name, plan in self.plans.items()},
            "passes": [timed.to_json() for timed in self.passes],
            "videos": [asdict(timed) for timed in self.videos],
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Timings:
        """Read what `to_json` wrote.

        Raises:
            ValueError: if it has another schema, or other fields.
        """
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, got {content.get('schema')!r}")
        try:
            return cls(
                content["key"],
                {name: TimedPlan(**plan) for name, plan in content["plans"].items()},
                tuple(TimingPass.from_json(timed) for timed in content["passes"]),
                tuple(TimedVideos(**timed) for timed in content["videos"]),
                content["reason"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"fields differ: {error}") from error


def timings_path(results: Path, key: Mapping[str, Any]) -> Path:
    """The file of a key."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return results / FOLDER / f"{digest[:20]}.json"


def read_timings(results: Path, key: Mapping[str, Any]) -> Timings:
    """What is known under a key; nothing where a file is not there, or not what was written."""
    path = timings_path(results, key)
    try:
        found = Timings.from_json(read_sealed_json(path))
    except FileNotFoundError:
        return Timings(key)
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be used (%s); it is measured again", path, error)
        return Timings(key)
    return found


def add_timings(results: Path, new: Timings, locks: Locks = "flock") -> Timings:
    """Add what was measured to what other processes may have written; returns both."""
    path = timings_path(results, new.key)
    with held(path.parent / ".locks" / path.stem, locks):
        there = read_timings(results, new.key)
        both = Timings(
            new.key,
            {**there.plans, **new.plans},
            (*there.passes, *new.passes),
            (*there.videos, *new.videos),
            # Where nothing was tried, it is what it was.
            new.reason or ("" if new.passes else there.reason),
        )
        write_sealed_json(path, both.to_json())
    return both
