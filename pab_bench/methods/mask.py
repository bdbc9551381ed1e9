"""A plan that somebody has made: which sites compute at which call, read from a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pab_bench.engine.kinds import BROADCAST_OBJECTS, BroadcastObject
from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.mask_file import Digits, MaskRefused, read_mask
from pab_bench.problems import InvalidSettings, Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan


@dataclass(frozen=True)
class Mask(Acceleration):
    """The method `mask`: what the file does not name computes; the rest reuses its last output.

    Attributes:
        file: `.json` or `.csv`; see `mask_file`. Its contents, not its place, are part of a
            point's identity.
        broadcast_object: which tensor is kept: `output` or `ungated`.
    """

    file: Path | None = None
    broadcast_object: BroadcastObject = "output"

    name: ClassVar[str] = "mask"

    def __post_init__(self) -> None:
        """Read the file.

        Raises:
            InvalidSettings: if it is no plan.
        """
        problems = Problems("method")
        problems.choice("broadcast_object", self.broadcast_object, BROADCAST_OBJECTS)
        if self.file is None:
            problems.add("file", None, "must name a plan, a .json or .csv file")
        problems.raise_if_any()
        assert self.file is not None
        try:
            digits = read_mask(self.file)
        except MaskRefused as error:
            raise InvalidSettings([Problem(f"method.file={self.file}", str(error))]) from error
        object.__setattr__(self, "_digits", digits)

    @property
    def digits(self) -> Digits:
        """By name of a group and block (None = all of it) a digit for every call: 1 computes."""
        digits: Digits = self._digits  # type: ignore[attr-defined]
        return digits

    def settings(self) -> dict[str, Any]:
        """What the file says, in short."""
        content = [[*place, calls] for place, calls in self.digits.items()]
        ordered = json.dumps(sorted(content, key=str))
        return {"plan": hashlib.sha256(ordered.encode()).hexdigest()}

    def check(self, about: About, problems: Problems) -> None:
        """It must have as many calls as the sampler, where that is known already."""
        calls = self._calls
        if about.calls is not None and calls != about.calls:
            problems.found.append(self._problem(_other_calls(calls, about.calls)))

    @property
    def _calls(self) -> int:
        return len(next(iter(self.digits.values())))

    def _problem(self, explanation: str) -> Problem:
        return Problem(f"method.file={self.file}", explanation)

    def plan(self, facts: Facts) -> Plan:
        """What the file says.

        Raises:
            InvalidSettings: if it has other calls, groups or blocks than the model.
        """
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import baseline_plan, last_computed

        if self._calls != facts.calls:
            raise InvalidSettings([self._problem(_other_calls(self._calls, facts.calls))])
        plan = baseline_plan(facts)
        groups = {group.name: group for group in facts.groups}
        wrong = []
        for (name, block), digits in self.digits.items():
            group = groups.get(name)
            if group is None:
                wrong.append(f"the model has no group {name!r} ({', '.join(groups)})")
                continue
            blocks = facts.blocks(group)
            if block is not None and block >= blocks:
                wrong.append(f"{name} has blocks 0 to {blocks - 1}, not {block}")
                continue
            chosen = slice(None) if block is None else block
            sources = last_computed([digit == "1" for digit in digits])
            table = plan.source[group]
            table[:, chosen] = sources[:, None] if block is None else sources
        if wrong:
            raise InvalidSettings([self._problem(reason) for reason in wrong])
        return plan


def _other_calls(own: int, theirs: int) -> str:
    return f"is a plan of {own} calls of the transformer, the sampler makes {theirs}"
