"""Does an embedded mini do what its prompts say? `python -m pab_bench.minis.evaluate latte`.

Samples held-out prompts, reads the six attributes off the videos and prints the hit rates beside
chance, the checker's own rates on rendered videos, and those of an untrained model. Writes
`evaluation.json` and a contact sheet.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from PIL import Image, ImageDraw

from pab_bench.files import write_json
from pab_bench.minis.captions import ATTRIBUTES, Caption, split_captions
from pab_bench.minis.checker import Reading, hit_rates, read_video, validate
from pab_bench.minis.registry import NAMES, find_mini, reconstruction
from pab_bench.minis.render import render

CHANCE = {name: 1 / len(values) for name, values in ATTRIBUTES.items()}
COLUMNS = 6
"""Frames of each video on the contact sheet."""


def sample(sampler: Any, caption: Caption, seed: int, steps: int, guidance: float) -> torch.Tensor:
    """One video, (frames, height, width, 3) in [0, 1]."""
    text, noise = sampler.encode(caption.text), sampler.noise(seed)
    latents = sampler.denoise(text, noise, steps, guidance, lambda step: None)
    return torch.from_numpy(sampler.decode(latents)).float() / 255


def reconstructed(name: str, sampler: Any, captions: list[Caption]) -> list[torch.Tensor]:
    """Rendered videos of `captions` through the autoencoder."""
    through = reconstruction(name)
    random = np.random.Generator(np.random.PCG64(1))
    clips = render(captions, random, length=sampler.model.frames)
    return [through(sampler.pipeline, video) for video in clips.video]


def contact_sheet(
    videos: list[torch.Tensor], captions: list[Caption], readings: list[Reading]
) -> Image.Image:
    """Two columns of videos, each with its prompt and what the checker read otherwise."""
    scale, title = 64, 14
    width = COLUMNS * scale + 8
    rows = -(-len(videos) // 2)
    sheet = Image.new("RGB", (2 * width, rows * (scale + title + 4)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (video, caption, reading) in enumerate(zip(videos, captions, readings, strict=True)):
        left, top = (i % 2) * width, (i // 2) * (scale + title + 4)
        wrong = [name for name, hit in reading.agrees(caption).items() if not hit]
        text = caption.text.removeprefix("a ").removesuffix(" background")
        draw.text((left + 2, top), text + (f"  [{','.join(wrong)}]" if wrong else ""), fill="black")
        for column, frame in enumerate(np.linspace(0, len(video) - 1, COLUMNS).round().astype(int)):
            pixels = (video[frame].numpy() * 255).round().astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (left + column * scale, top + title))
    return sheet


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
    captions = split_captions()[1][: arguments.prompts]
    sampler = mini.load(arguments.checkpoint)
    videos = [
        sample(sampler, caption, arguments.seed + i, steps, guidance)
        for i, caption in enumerate(captions)
    ]
    readings = [read_video(video) for video in videos]
    control = mini.load(arguments.checkpoint, random_weights=True)
    few = captions[: arguments.control]
    control_readings = [
        read_video(sample(control, caption, arguments.seed, steps, guidance)) for caption in few
    ]
    decoded = reconstructed(arguments.model, sampler, captions)
    rates = {
        "sampled": hit_rates(readings, captions),
        "chance": {**CHANCE, "all": float(np.prod(list(CHANCE.values())))},
        "untrained": hit_rates(control_readings, few) if few else None,
        "autoencoder": hit_rates([read_video(video) for video in decoded], captions),
        "checker on rendered videos": validate(captions),
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
    sheet = contact_sheet(videos[:24], captions[:24], readings[:24])
    sheet.save(out / "contact_sheet.png")
    print(json.dumps(settings))
    names = [*ATTRIBUTES, "all"]
    print(f"{'':28}" + "".join(f"{name:>12}" for name in names))
    for what, values in rates.items():
        if values is not None:
            print(f"{what:28}" + "".join(f"{values[name]:12.3f}" for name in names))
    print(f"contact sheet: {out / 'contact_sheet.png'}")


if __name__ == "__main__":
    main()
