"""Golden runs and keys of Open-Sora 1.2's autoencoder: our modules with upstream's weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from safetensors.torch import load_file
from torch import nn

from pab_bench.systems.open_sora.vae import OpenSoraVAE
from pab_bench.verify.base import Check, check, failed_check, max_absolute_difference

TOLERANCE = 5e-5
"""Changing the input by a millionth moves the videos by 1.1e-5."""

Tensors = Mapping[str, torch.Tensor]


def check_run(path: Path, content: dict[str, Any]) -> Iterator[Check]:
    """Everything that the tensors of one golden file allow: decoding, encoding, sizes."""
    try:
        run = _GoldenRun(content, load_file(path.with_suffix(".safetensors")))
    except OSError as problem:  # The other files of the folder can still be checked.
        yield failed_check(path.name, "tensors", f"{type(problem).__name__}: {problem}", TOLERANCE)
        return
    groups = sorted({name.rpartition("/")[0] for name in run.tensors} - {"weights"})
    for name in sorted(set(content["cases"]) - set(groups)):
        yield failed_check(path.name, name, "there are no tensors of this case", TOLERANCE)
    for group in groups:
        parts = {name.rpartition("/")[2] for name in run.tensors if name.startswith(f"{group}/")}
        known = _KNOWN.get(frozenset(parts))
        if known is None:
            error = f"unknown tensors {sorted(parts)}"
            yield failed_check(path.name, group, error, TOLERANCE)
            continue
        for what, difference in known.items():
            yield check(path.name, f"{group}: {what}", TOLERANCE, partial(difference, run, group))
        for key, deviations in _EXACT.items():
            if key in content["cases"].get(group, {}):
                case = f"{group}: {key}"
                yield check(path.name, case, 0.0, partial(deviations, run, group), "exact")


class _GoldenRun:
    """The small autoencoder of one golden file."""

    def __init__(self, content: dict[str, Any], tensors: Tensors) -> None:
        self.content, self.tensors = content, tensors

    @cached_property
    def vae(self) -> OpenSoraVAE:
        """Our autoencoder with the file's arguments and weights."""
        weights = {
            name.removeprefix("weights/"): value
            for name, value in self.tensors.items()
            if name.startswith("weights/")
        }
        optional = ("spatial_latent_factor", "micro_frame_size", "micro_batch_size")
        vae = OpenSoraVAE(
            self.content["spatial_kwargs"],
            self.content["temporal_kwargs"],
            latent_scale=weights["scale"].flatten().tolist(),
            latent_shift=weights["shift"].flatten().tolist(),
            **{name: self.content[name] for name in optional if name in self.content},
        )
        vae.load_state_dict(weights, strict=True)
        return vae.eval()

    def frames(self, group: str) -> int:
        """Frames of a case."""
        return int(self.content["cases"][group]["num_frames"])

    @torch.no_grad()
    def temporal_decoded(self, group: str) -> float:
        """Spatial latents of a decoded case."""
        latents = self.tensors[f"{group}/latents"] * self.vae.scale + self.vae.shift
        ours = self.vae.temporal_decode(latents, self.frames(group))
        return max_absolute_difference(ours, self.tensors[f"{group}/temporal_decoded"])

    @torch.no_grad()
    def video(self, group: str) -> float:
        """Video of a decoded case."""
        ours = self.vae.decode(self.tensors[f"{group}/latents"], self.frames(group))
        return max_absolute_difference(ours, self.tensors[f"{group}/video"])

    @torch.no_grad()
    def moments(self, group: str) -> float:
        """Means and log variances of encoded spatial latents."""
        spatial, golden = self.tensors[f"{group}/x_z"], self.tensors[f"{group}/moments"]
        net = self.vae.temporal_vae
        if golden.shape[2] == -(-spatial.shape[2] // net.factor):
            ours = net.encode(spatial)  # The temporal net alone, whatever the length of a chunk.
        else:
            ours = self.vae.temporal_encode(spatial).parameters
        return max_absolute_difference(ours, golden)

    @torch.no_grad()
    def spatial_mean(self, group: str) -> float:
        """Spatial latents of a video."""
        ours = self.vae.spatial_vae.encode(self.tensors[f"{group}/video"])
        return max_absolute_difference(ours, self.tensors[f"{group}/mean_times_factor"])

    def latent_size(self, group: str) -> int:
        """Whether the size of the latents differs from what we derive: 0 or 1."""
        height, width = self.tensors[f"{group}/video"].shape[-2:]
        ours = self.vae.latent_size(self.frames(group), height, width)
        return int(list(ours) != list(self.content["cases"][group]["latent_size"]))

    @torch.no_grad()
    def chunks(self, group: str) -> int:
        """Whether the temporal decoder is called on other chunks: 0 or 1."""
        shapes: list[list[int]] = []

        def remember(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            del module, inputs
            shapes.append(list(output.shape))

        handle = self.vae.temporal_vae.decoder.register_forward_hook(remember)
        try:
            self.vae.temporal_decode(self.tensors[f"{group}/latents"], self.frames(group))
        finally:
            handle.remove()
        return int(shapes != self.content["cases"][group]["chunks"])


_Difference = Callable[[_GoldenRun, str], float]
_KNOWN: dict[frozenset[str], dict[str, _Difference]] = {
    frozenset({"latents", "temporal_decoded", "video"}): {
        "temporal decoding": _GoldenRun.temporal_decoded,
        "video": _GoldenRun.video,
    },
    frozenset({"latents", "video"}): {"video": _GoldenRun.video},
    frozenset({"x_z", "moments"}): {"moments": _GoldenRun.moments},
    frozenset({"video", "mean_times_factor"}): {"spatial encoding": _GoldenRun.spatial_mean},
}
"""What can be checked, by the names of the tensors of a case."""

_EXACT: dict[str, _Difference] = {
    "latent_size": _GoldenRun.latent_size,
    "chunks": _GoldenRun.chunks,
}
"""What can be checked, by the keys of a case in the JSON file."""


def check_keys(file: str, content: dict[str, Any]) -> Iterator[Check]:
    """Keys, shapes, parameter counts and constants, of a model on the meta device."""

    def build() -> OpenSoraVAE:
        temporal = dict(content["temporal_config"])
        activation = temporal.pop("activation", "swish")
        if not activation.startswith("swish"):
            raise ValueError(f"temporal_config.activation={activation!r}: only swish exists")
        constants = {
            ours: content[theirs]
            for ours, theirs in {
                "latent_scale": "scale",
                "latent_shift": "shift",
                "spatial_latent_factor": "spatial_latent_factor",
                "micro_frame_size": "micro_frame_size",
                "micro_batch_size": "micro_batch_size",
            }.items()
            if theirs in content
        }
        with torch.device("meta"):
            return OpenSoraVAE(content["spatial_config"], temporal, **constants)

    yield check(file, "keys and shapes", 0.0, lambda: _deviating_keys(build(), content), "exact")
    for part, golden in content.get("parameters", {}).items():

        def difference(part: str = part, golden: int = golden) -> int:
            vae = build()
            modules: dict[str, nn.Module] = {
                "spatial": vae.spatial_vae,
                "temporal": vae.temporal_vae,
                "total": vae,
            }
            return abs(sum(value.numel() for value in modules[part].parameters()) - golden)

        yield check(file, f"parameters: {part}", 0.0, difference, "exact")
    for part in ("spatial", "temporal"):
        key = f"{part}_group_norm_eps"
        if key in content:

            def norms(part: str = part, eps: float = content[key]) -> int:
                modules = getattr(build(), f"{part}_vae").modules()
                return sum(m.eps != eps for m in modules if isinstance(m, nn.GroupNorm))

            yield check(file, f"{part} group norms with another eps", 0.0, norms, "exact")


def _deviating_keys(vae: OpenSoraVAE, content: Mapping[str, Any]) -> int:
    ours = {(name, tuple(value.shape)) for name, value in vae.state_dict().items()}
    golden = {(name, tuple(shape)) for name, shape in content["keys"].items()}
    return len(ours ^ golden)
