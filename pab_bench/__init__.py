"""Measure, ablate and tune Pyramid Attention Broadcast on video diffusion transformers.

The names below are what `pab_bench` offers to Python; `docs/api.md` shows them at work. Each is
imported when it is first asked for, so that `import pab_bench` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pab_bench.door.attach import attach as attach
    from pab_bench.door.experiment import run as run
    from pab_bench.door.experiment import settings as settings
    from pab_bench.door.measure import measure as measure
    from pab_bench.door.observe import observe as observe
    from pab_bench.door.results import load as load
    from pab_bench.engine.plan import Plan as Plan
    from pab_bench.methods.pab_keys import PAB as PAB
    from pab_bench.methods.rules import GapRule as GapRule
    from pab_bench.methods.rules import KeyRule as KeyRule
    from pab_bench.methods.rules import KeyTime as KeyTime
    from pab_bench.methods.rules import Rules as Rules

_ADDRESSES = {
    "attach": "pab_bench.door.attach:attach",
    "observe": "pab_bench.door.observe:observe",
    "measure": "pab_bench.door.measure:measure",
    "run": "pab_bench.door.experiment:run",
    "load": "pab_bench.door.results:load",
    "settings": "pab_bench.door.experiment:settings",
    "PAB": "pab_bench.methods.pab_keys:PAB",
    "Rules": "pab_bench.methods.rules:Rules",
    "GapRule": "pab_bench.methods.rules:GapRule",
    "KeyRule": "pab_bench.methods.rules:KeyRule",
    "KeyTime": "pab_bench.methods.rules:KeyTime",
    "Plan": "pab_bench.engine.plan:Plan",
}

__all__ = list(_ADDRESSES)


if not TYPE_CHECKING:  # A type checker would take any name for one of ours.

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for."""
        if name not in _ADDRESSES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pab_bench.registry import load as load_address

        value = globals()[name] = load_address(_ADDRESSES[name])
        return value


def __dir__() -> list[str]:
    """The public names; packages below are for who reads the source."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
