"""Does an embedded mini do what its prompts say? `python -m pab_bench.minis.evaluate latte`.

Samples held-out prompts, reads their attributes off the videos and prints the hit rates beside
chance, the checker's own rates on rendered videos, and those of an untrained model. Writes
`evaluation.json` and a contact sheet.
"""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from PIL import Image, ImageDraw

from pab_bench.files import write_json
from pab_bench.minis.registry import NAMES, find_mini, reconstruction
from pab_bench.minis.world import World, world_of

COLUMNS = 6
LETTERS = 64
"""Frames of each video on the contact sheet; letters of a line of its prompt."""


def sample(sampler: Any, prompt: str, seed: int, steps: int, guidance: float) -> torch.Tensor:
    """One video, (frames, height, width, 3) in [0, 1]."""
    text, noise = sampler.encode(prompt), sampler.noise(seed)
    latents = sampler.denoise(text, noise, steps, guidance, lambda step: None)
    return torch.from_numpy(sampler.decode(latents)).float() / 255


def reconstructed(name: str, sampler: Any, captions: list[Any]) -> list[torch.Tensor]:
    """Rendered videos of `captions` through the autoencoder."""
    through = reconstruction(name)
    random = np.random.Generator(np.random.PCG64(1))
    clips = world_of(name).render(captions, random, sampler.model.frames)
    return [through(sampler.pipeline, video) for video in clips.video]


def contact_sheet(
    videos: list[torch.Tensor], captions: list[Any], readings: list[Any]
) -> Image.Image:
    """Two columns of videos, each with its prompt and what the checker read otherwise."""
    texts = [
        caption.text.removeprefix("a ").removesuffix(" background")
        + (f"  [{','.join(wrong)}]" if (wrong := _wrong(caption, reading)) else "")
        for caption, reading in zip(captions, readings, strict=True)
    ]
    lines = [textwrap.wrap(text, LETTERS) for text in texts]
    scale, title = 64, 2 + 12 * max(map(len, lines))
    width = COLUMNS * scale + 8
    rows = -(-len(videos) // 2)
    sheet = Image.new("RGB", (2 * width, rows * (scale + title + 4)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (video, text) in enumerate(zip(videos, lines, strict=True)):
        left, top = (i % 2) * width, (i // 2) * (scale + title + 4)
        draw.multiline_text((left + 2, top), "\n".join(text), fill="black", spacing=1)
        for column, frame in enumerate(np.linspace(0, len(video) - 1, COLUMNS).round().astype(int)):
            pixels = (video[frame].numpy() * 255).round().astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (left + column * scale, top + title))
    return sheet


def _wrong(caption: Any, reading: Any) -> list[str]:
    return [name for name, hit in reading.agrees(caption).items() if not hit]


def all_rates(
    world: World, captions: list[Any], videos: Mapping[str, list[torch.Tensor]]
) -> dict[str, dict[str, float] | None]:
    """Hit rates of videos of `captions`, or of the first of them; None where there are none."""
    return {
        what: world.hit_rates([world.read(video) for video in own], captions[: len(own)])
        if own
        else None
        for what, own in videos.items()
    }


def main() -> None:
    """Parse the command line, evaluate, report."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.evaluate", description=__doc__)
    parser.add_argument("model", choices=NAMES)
    parser.add_argument("--checkpoint", help="a folder; default: the one in the package")
    parser.add_argument("--prompts", type=int, default=96, help="how many held-out prompts")
    parser.add_argument("--control", type=int, default=8, help="prompts for the untrained control")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="default: results/minis/MODEL")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    mini = find_mini(arguments.model)
    steps = arguments.steps or mini.steps
    guidance = mini.guidance if arguments.guidance is None else arguments.guidance
    out = arguments.out or Path("results/minis") / arguments.model
    world = world_of(arguments.model)
    captions = world.held_out(arguments.prompts)
    sampler = mini.load(arguments.checkpoint)
    videos = [
        sample(sampler, caption.text, arguments.seed + i, steps, guidance)
        for i, caption in enumerate(captions)
    ]
    control = mini.load(arguments.checkpoint, random_weights=True)
    untrained = [
        sample(control, caption.text, arguments.seed, steps, guidance)
        for caption in captions[: arguments.control]
    ]
    decoded = reconstructed(arguments.model, sampler, captions)
    sampled = {"sampled": videos, "untrained": untrained, "autoencoder": decoded}
    rates = {
        **all_rates(world, captions, sampled),
        "chance": world.chance,
        "checker on rendered videos": world.validate(captions),
    }
    out.mkdir(parents=True, exist_ok=True)
    settings = {
        "model": arguments.model,
        "prompts": len(captions),
        "steps": steps,
        "guidance": guidance,
        "first_seed": arguments.seed,
    }
    write_json(out / "evaluation.json", {**settings, "rates": rates})
    shown = [world.read(video) for video in videos[:24]]
    sheet = contact_sheet(videos[:24], captions[:24], shown)
    sheet.save(out / "contact_sheet.png")
    print(json.dumps(settings))
    names = [*world.attributes, "all"]
    print(f"{'':28}" + "".join(f"{name:>16}" for name in names))
    for what, values in rates.items():
        if values is not None:
            print(f"{what:28}" + "".join(f"{values[name]:16.3f}" for name in names))
    print(f"contact sheet: {out / 'contact_sheet.png'}")


if __name__ == "__main__":
    main()
