"""Golden decodings of Open-Sora-Plan's autoencoder, whole and in tiles, and its keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from golden.open_sora_plan import Content, differing_keys, wrong_count
from golden.open_sora_plan_transformer import below
from safetensors.torch import load_file

from pab_bench.systems.open_sora_plan.vae import CausalVAEModel
from pab_bench.systems.open_sora_plan.vae_tiling import (
    RELEASED_TILING,
    VIDEOSYS_TILING,
    Tiling,
    chunks_of_time,
)
from pab_bench.verify.base import Check, check, max_absolute_difference

DECODING_TOLERANCE = 1e-4
NO_TILING = "no_tiling"


def check_keys(path: Path, content: Content) -> Iterator[Check]:
    """State-dict keys, shapes, parameters and strides, built on the meta device."""
    with torch.device("meta"):
        model = CausalVAEModel(**content["config"])
    yield check(
        path.name,
        "state-dict keys and shapes",
        0.0,
        partial(differing_keys, model.state_dict(), content["keys"]),
        "exact",
    )
    # With the convolution next to the latents.
    counts = {
        "parameter_count": (model,),
        "encoder_numel": (model.encoder, model.quant_conv),
        "decoder_numel": (model.decoder, model.post_quant_conv),
    }
    for key, parts in counts.items():
        parameters = sum(p.numel() for part in parts for p in part.parameters())
        if key in content:
            count = partial(wrong_count, parameters, content[key])
            yield check(path.name, key, 0.0, count, "exact")
    facts = content.get("facts", {})
    if "strides" in facts:
        time, space = model.temporal_compression_ratio, model.spatial_compression_ratio
        wrong = float([time, space, space] != facts["strides"])
        yield check(path.name, "strides", 0.0, partial(float, wrong), "exact")
    if "scaling_factor" in facts:
        off = abs(model.config.scaling_factor - facts["scaling_factor"])
        yield check(path.name, "scaling factor", 0.0, partial(float, off), "exact")


def check_decoding(path: Path, content: Content) -> Iterator[Check]:
    """Every recorded decoding, and what upstream's two programs set for tiles."""
    tensors = load_file(path.with_suffix(".safetensors"))
    model = CausalVAEModel(**content["constructor_kwargs"]).eval()
    weights = {name: value.float() for name, value in below(tensors, "weights/").items()}
    # The encoder's weights were left out of the file; the decoder's must be complete.
    wanted = {k for k in model.state_dict() if k.split(".")[0] in ("decoder", "post_quant_conv")}
    missing = float(len(wanted ^ set(weights)))
    yield check(path.name, "weights of the decoder", 0.0, partial(float, missing), "exact")
    model.load_state_dict(weights, strict=False)
    inputs, tilings = below(tensors, "inputs/"), content["tiling"]
    for name, golden in below(tensors, "outputs/").items():

        def decode(name: str = name, golden: torch.Tensor = golden) -> float:
            latents, tiling = _case(name, inputs, tilings)
            return max_absolute_difference(_decode(model, latents, tiling), golden)

        yield check(path.name, f"decode {name}", DECODING_TOLERANCE, decode)
    for name, ours in (("pku_defaults", RELEASED_TILING), ("videosys_v110", VIDEOSYS_TILING)):
        if name in tilings:
            differs = float(parse_tiling(tilings[name]) != ours)
            yield check(path.name, f"tiling {name}", 0.0, partial(float, differs), "exact")
            yield from _check_chunks(path.name, name, tilings[name], ours)


def _case(
    name: str, inputs: Mapping[str, torch.Tensor], tilings: Mapping[str, str]
) -> tuple[torch.Tensor, Tiling | None]:
    """The latents and the tiling that an output's name tells: input, then tiling."""
    if name in inputs:
        return inputs[name], None
    source = max((key for key in inputs if name.startswith(f"{key}_")), key=len, default=None)
    if source is None:
        raise ValueError(f"output {name!r}: expected to begin with one of {sorted(inputs)}")
    case = name.removeprefix(f"{source}_")
    return inputs[source], None if case == NO_TILING else parse_tiling(tilings[case])


@torch.no_grad()
def _decode(model: CausalVAEModel, latents: torch.Tensor, tiling: Tiling | None) -> torch.Tensor:
    model.tiling = tiling  # Also one that `enable_tiling` refuses: upstream does not.
    output: torch.Tensor = model.decode(latents).sample
    return output


def parse_tiling(text: str) -> Tiling:
    """From words with the five numbers in the order of `Tiling`, a colon ending them."""
    numbers = re.findall(r"(?<=\s)\d+(?:\.\d+)?", text.partition(":")[0])
    if len(numbers) != 5:
        raise ValueError(f"expected five numbers of a tiling, got {text!r}")
    size, latent_size, frames, latent_frames = (int(number) for number in numbers[:4])
    return Tiling(size, latent_size, frames, latent_frames, float(numbers[4]))


def _check_chunks(file: str, name: str, text: str, tiling: Tiling) -> Iterator[Check]:
    """Pieces of time, where the text lists them as [start,end)."""
    chunks = [(int(a), int(b)) for a, b in re.findall(r"\[(\d+),(\d+)\)", text)]
    if chunks:
        ours = chunks_of_time(chunks[-1][1], tiling.latent_frames)
        wrong = partial(float, ours != chunks)
        yield check(file, f"pieces of time {name}", 0.0, wrong, "exact")
