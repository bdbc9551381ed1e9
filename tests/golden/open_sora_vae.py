"""Golden values of Open-Sora 1.2's autoencoder, sizes and prompts, by upstream's code.

Understands the formats of three files, which it tells by their content: a small autoencoder with
its weights, inputs and outputs (`*.json` beside `*.safetensors`), the state-dict keys of the
released autoencoder, and facts about sizes and text. The transformer's files have a verifier of
their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pab_bench.systems.open_sora import sizes
from pab_bench.verify.base import Check, check

FORMATS = {
    "run": {"spatial_kwargs", "temporal_kwargs", "cases"},
    "keys": {"spatial_config", "temporal_config", "keys"},
    "facts": {"size_table", "size_table_columns", "latent_T_examples"},
}
"""The keys by which a file is known."""


class OpenSoraVaeVerifier:
    """Checks encoding, decoding, keys, sizes and prompts of Open-Sora 1.2."""

    name = "open_sora_vae"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has at least one file of a known format."""
        return any(_format_of(path) for path in folder.glob("*.json"))

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every file of a known format."""
        for path in sorted(folder.glob("*.json")):
            kind = _format_of(path)
            if kind is None:
                continue
            content = json.loads(path.read_text(encoding="utf-8"))
            if kind == "facts":
                yield from _check_sizes(path.name, content)
                yield from _check_prompts(path.name, content)
                continue
            from golden.open_sora_vae_run import check_keys, check_run

            if kind == "run":
                yield from check_run(path, content)
            else:
                yield from check_keys(path.name, content)


def _format_of(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    return next((kind for kind, keys in FORMATS.items() if keys <= set(content)), None)


def _check_sizes(file: str, facts: Mapping[str, Any]) -> Iterator[Check]:
    columns = facts["size_table_columns"]
    for values in facts["size_table"]:
        row = dict(zip(columns, values, strict=True))
        case = f"size {row['resolution']} {row['aspect (h:w)']} {row['length']}"
        yield check(file, case, 0.0, partial(_deviating_columns, row), "exact")
    for frames, golden in facts["latent_T_examples"].items():

        def difference(frames: str = frames, golden: int = golden) -> int:
            return abs(sizes.latent_frames(int(frames)) - golden)

        yield check(file, f"latent frames of {frames}", 0.0, difference, "exact")
    names = facts.get("length_names", {})
    if names:
        yield check(
            file,
            "names of lengths",
            0.0,
            lambda: sum(sizes.frames_of(name) != frames for name, frames in names.items()),
            "exact",
        )


def _deviating_columns(row: Mapping[str, Any]) -> int:
    """Number of values in a row of the table that ours differ from."""
    frames = sizes.frames_of(row["length"])
    height, width = sizes.size(row["resolution"], row["aspect (h:w)"])
    latents = sizes.latent_size(frames, height, width)
    rows, columns = sizes.patches(height, width)
    decoded = sizes.decoded_size(height, width)
    ours = {
        "pixel frames": frames,
        "pixel height": height,
        "pixel width": width,
        "latent T": latents[0],
        "latent H": latents[1],
        "latent W": latents[2],
        "patches H": rows,
        "patches W": columns,
        "spatial tokens per frame": rows * columns,
        "tokens per sample": latents[0] * rows * columns,
        "decoded height": decoded[0],
        "decoded width": decoded[1],
    }
    names = {"resolution", "aspect (h:w)", "length"}
    if set(row) != set(ours) | names:
        raise ValueError(f"columns: expected {sorted(set(ours) | names)}, got {sorted(row)}")
    return sum(row[name] != value for name, value in ours.items())


def _check_prompts(file: str, facts: Mapping[str, Any]) -> Iterator[Check]:
    asked = facts.get("released_sampling", {})
    for index, example in enumerate(facts.get("text", {}).get("prompt_examples", [])):
        difference = partial(_deviating_texts, example, asked)
        yield check(file, f"prompt {index}: {example['prompt'][:40]}", 0.0, difference, "exact")


def _deviating_texts(example: Mapping[str, str], asked: Mapping[str, Any]) -> int:
    """Whether the text with scores and the cleaned text differ from the golden ones: 0, 1 or 2."""
    import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
    from pab_bench.systems.open_sora.prompts import AESTHETIC_SCORE, prepare_prompt, with_scores

    scores = (asked.get("aes", AESTHETIC_SCORE), asked.get("flow"), asked.get("camera_motion"))
    deviations = int(with_scores(example["prompt"], *scores) != example["with_score"])
    return deviations + int(prepare_prompt(example["prompt"], *scores) != example["cleaned"])
