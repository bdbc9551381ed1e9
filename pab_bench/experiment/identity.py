"""What determines numbers: of a point, of one of its videos, of its baseline, of weights.

All addresses in the store are digests of what this file says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.experiment.arithmetic import arithmetic
from pab_bench.experiment.device import device_kind, resolve_device
from pab_bench.experiment.provenance import decisive_versions
from pab_bench.experiment.ranks import count
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.store.weights_digests import WeightsDigests
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pictures import prompt_identity
from pab_bench.systems.registry import sampler_address
from pab_bench.systems.weights import Weights

REUSE = ("method", "broadcast_object", "cache")
"""What determines how outputs are kept and reused, but nothing before the first reuse."""
_NOT_OF_A_VIDEO = ("prompts", "seeds", "rules", "metrics", "measure", "record", *REUSE)


def settings_identity(settings: Settings) -> dict[str, Any]:
    """What of a point's settings determines its numbers and which are kept, as plain JSON.

    Known only later and so not in it: the weights' digest, the kind of device, versions.
    """
    return {
        "model": _model_identity(settings.model),
        **settings.method.identity(settings.model.depth),
        "cache": None if settings.is_baseline() else asdict(settings.cache),
        "compile": settings.compile,
        "deterministic": settings.deterministic,
        "prompts": list(map(prompt_identity, settings.prompts)),
        "seeds": list(settings.seeds),
        "steps": settings.steps,
        **_steps_made(settings),
        "guidance": float(settings.guidance),
        "dtype": settings.dtype,
        "metrics": {"names": sorted(settings.metrics), "psnr_cap_db": settings.psnr_cap_db},
        "measure": asdict(settings.measure),
        "record": _recorded(settings),
        **_shared(settings),
    }


def settings_key(settings: Settings) -> str:
    """`settings_identity` as a text: equal for settings that make one point."""
    content = {**settings_identity(settings), "threads": settings.threads}
    return json.dumps(content, sort_keys=True)


def identity(settings: Settings, weights_digest: str) -> dict[str, Any]:
    """Everything that determines a point's numbers, with what only this machine knows.

    Raises:
        ConfigError: if the device asked for is not here.
    """
    device = resolve_device(settings.device)
    rounding = arithmetic(device, settings.threads)
    return {
        **settings_identity(settings),
        "weights": weights_digest,
        "versions": decisive_versions(),
        "device": device_kind(device),
        **({"arithmetic": rounding} if rounding else {}),
    }


def identity_before_arithmetic(identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The identity that older versions gave a point; None where it could not be told apart.

    They left the threads and the processor to the provenance, and everything else out.
    """
    if "variables" in identity.get("arithmetic", {"variables": None}):
        return None
    return {key: value for key, value in identity.items() if key != "arithmetic"}


def video_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What of a point's identity determines each of its videos, whatever its plan is."""
    own = {key: value for key, value in identity.items() if key not in _NOT_OF_A_VIDEO}
    if "steps_made" in own:
        own["steps"] = own.pop("steps_made")
    return own


def sampled_identity(identity: Mapping[str, Any], prompt: str, seed: int) -> dict[str, Any]:
    """What determines one video of a point, with its plan, whatever is measured of it."""
    own = {k: v for k, v in identity.items() if k not in ("prompts", "seeds", "metrics")}
    return {**own, "prompt": prompt_identity(prompt), "seed": seed}


def advice_identity(settings: Settings, with_rules: bool) -> dict[str, Any]:
    """What determines an advice: the model, its size, steps and prompts, and what is asked.

    Args:
        settings: what to advise on.
        with_rules: whether its rules are to be beaten.
    """
    own = settings_identity(settings)
    if not with_rules:
        del own["rules"]
    asked = asdict(settings.advise)
    if settings.advise.methods == ("pab",):  # So are the names of folders from before it was a key.
        del asked["methods"]
    return {"identity": own, "advise": asked}


def reuse_identity(identity: Mapping[str, Any]) -> str:
    """What of a point's identity determines a video from its first reuse on, beside the plan."""
    return json.dumps([identity.get(name) for name in REUSE])


def baseline_of(settings: Settings) -> Settings:
    """The same configuration with nothing reused."""
    return replace(settings, method=PyramidAttentionBroadcast())


def digest_weights(settings: Settings, weights: Weights) -> str:
    """The digest of the loaded weights; it is remembered for `recall_weights`."""
    known = WeightsDigests(settings.results_dir)
    digest = weights.digest(known.of_files)
    files = {
        path
        for part, folder in weights.folders.items()
        for patterns in weights.required[part].values()
        for pattern in patterns
        for path in folder.glob(pattern)
    }
    known.remember(_stored(settings.model), sorted(files), digest)
    return digest


def recall_weights(settings: Settings) -> str | None:
    """The digest of the weights without looking for them; None if they are new to this store."""
    return WeightsDigests(settings.results_dir).recall(_stored(settings.model))


def _model_identity(model: ModelSettings) -> dict[str, Any]:
    stored = _stored(model)
    del stored["schedule"]  # It only says early what the sampler says later.
    # A path says where weights lie, not what they are.
    for part in (stored, stored["vae"], stored["text_encoder"]):
        if part.pop("path") is not None:
            part["repository"] = part["revision"] = None
    return stored


def _stored(model: ModelSettings) -> dict[str, Any]:
    """A model as the first stores knew it: a sampler's address in place of the system's name."""
    content = asdict(model)
    if model.flow_shift is None:  # Points made before there was a choice have the checkpoint's.
        del content["flow_shift"]
    content["sampler"] = sampler_address(content.pop("system"))
    del content["call"]
    if model.call:  # Points made before there were such arguments are those without.
        content["call"] = model.call.values()
    return content


def _steps_made(settings: Settings) -> dict[str, int]:
    """How many steps are made, where they are not those of the baseline."""
    made = settings.method.sampled_steps(settings.steps)
    return {} if made == settings.steps else {"steps_made": made}


def _shared(settings: Settings) -> dict[str, Any]:
    """How many ranks share a video, and how, where they do."""
    if not settings.parallel.is_on:
        return {}
    own = asdict(settings.parallel)
    del own["timeout_s"]
    return {"parallel": {**own, "ranks": count()}}


def _recorded(settings: Settings) -> dict[str, bool]:
    # Points made before there were maps are those without them.
    recorded: dict[str, bool] = asdict(settings.record)
    return {k: v for k, v in recorded.items() if v or k != "attention_maps"}
