"""Methods whose constants may be from a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pab_bench.methods.base import About, Acceleration
from pab_bench.methods.calibration_file import (
    Calibration,
    CalibrationRefused,
    read_calibration,
    shipped_for,
)
from pab_bench.problems import Problem, Problems


class Calibratable(Acceleration):
    """What they have in common: a frozen dataclass derives from it and has a field `calibration`.

    Attributes:
        calibration: the file; None = the constants are said, published, or ship for the model.
        sources: keys that say the constants, of which one at most is set.
    """

    calibration: Path | None
    sources: ClassVar[tuple[str, ...]]

    def read_calibration(self, problems: Problems) -> None:
        """Read the file, and refuse it beside other constants.

        Args:
            problems: receives what is wrong.
        """
        said = [key for key in self.sources if getattr(self, key) is not None]
        if len(said) > 1:
            allowed = f"says the same as method.{said[0]}; set one of them"
            problems.add(said[1], getattr(self, said[1]), allowed)
        found = None
        if self.calibration is not None:
            try:
                found = read_calibration(self.calibration, self.name)
                self.constants_of(found)
            except CalibrationRefused as error:
                problems.found.append(Problem(f"method.calibration={self.calibration}", str(error)))
                found = None
        object.__setattr__(self, "_calibrated", found)
        object.__setattr__(self, "_label", None if found is None else found.name)

    def constants_of(self, calibrated: Calibration) -> Any:
        """The constants that a calibration has.

        Raises:
            CalibrationRefused: if it has none that can be meant.
        """
        raise NotImplementedError

    @property
    def calibrated(self) -> Calibration | None:
        """The calibration that the constants are from; None where they are not from one."""
        own: Calibration | None = self._calibrated  # type: ignore[attr-defined]
        return own

    @property
    def label(self) -> str | None:
        """Its name, also where it is only known from a record."""
        own: str | None = self._label  # type: ignore[attr-defined]
        return own

    def shipped(self, about: About) -> Path | None:
        """The calibration that ships for a sampling; None without one, or where one is said."""
        if about.calibrating or any(getattr(self, key) is not None for key in self.sources):
            return None
        own = shipped_for(self.name, about)
        return None if own is None else own.path

    def check_calibration(self, about: About, problems: Problems) -> bool:
        """Note in what a sampling differs from the one that was calibrated; whether it does."""
        before = len(problems.found)
        if self.calibrated is not None:
            self.calibrated.check(about, problems)
        return len(problems.found) > before

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Make the method that has these `settings()`: constants, and the calibration's name."""
        own = dict(settings)
        label = own.pop("calibration", None)
        made = cls(**own)
        object.__setattr__(made, "_label", label)
        return made
