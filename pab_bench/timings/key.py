"""What determines how long a call takes, beside what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VERSIONS = ("pab_bench", "torch", "diffusers", "transformers")


def timings_key(config: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The model, its input and the machine of a point, as plain JSON.

    Points with the same key are timed together, whatever they reuse; times of different keys are
    never mixed.

    Args:
        config: the point's identity.
        provenance: what made it.
    """
    device = provenance["device"]
    versions = provenance.get("versions", {})
    return {
        "model": config["model"],
        "dtype": config["dtype"],
        "compile": config.get("compile", False),
        "deterministic": config.get("deterministic", False),
        "guided": config["guidance"] > 1,
        # The text's length is part of the work, in some models.
        "prompt": config["prompts"][0],
        "device": device,
        "processor": provenance.get("cpu"),
        "cores": provenance.get("cores"),
        "threads": provenance.get("threads") if device == "cpu" else None,
        "variables": config.get("arithmetic", {}).get("variables", {}),
        "versions": {name: versions[name] for name in _VERSIONS if name in versions},
    }
