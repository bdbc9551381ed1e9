"""What a system consists of: addresses of its parts, none of which is imported by that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """A family of video models; addresses are `module:Class`.

    Attributes:
        transformer: name of its transformer's class.
        architecture: how the engine sees that transformer; called with it.
        sampler: what drives its pipeline; called with model, device and dtype.
        schedule: formula of its timesteps, if there is one; see `timesteps.known`.
        blueprint: what its networks look like without weights; called with model and dtype. None =
            its cost is not known.
        stored_as: what stored points call the sampler: where it lay when the first of them were
            made. None for systems that came later, which are called by their name.
    """

    transformer: str
    architecture: str
    sampler: str
    schedule: str | None = None
    blueprint: str | None = None
    stored_as: str | None = None
