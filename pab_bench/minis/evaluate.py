"""Does the embedded mini do what its prompts say? `python -m pab_bench.minis.evaluate`.

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

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import LattePipeline, LatteTransformer3DModel
from PIL import Image, ImageDraw

from pab_bench.minis.captions import ATTRIBUTES, Caption, split_captions
from pab_bench.minis.checker import Reading, hit_rates, read_video, validate
from pab_bench.minis.render import FRAMES, SIDE, render
from pab_bench.samplers.latte import EMBEDDED, quiet_loading
from pab_bench.store.atomic import write_json

CHANCE = {name: 1 / len(values) for name, values in ATTRIBUTES.items()}
COLUMNS = 6
"""Frames of each video on the contact sheet."""


def load(folder: Path) -> LattePipeline:
    """The pipeline of a checkpoint, in float32 on the CPU."""
    quiet_loading()
    pipeline = LattePipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sample(
    pipeline: LattePipeline, caption: Caption, seed: int, steps: int, guidance: float
) -> Any:
    """One video, (frames, height, width, 3) in [0, 1]."""
    video = pipeline(
        caption.text,
        num_inference_steps=steps,
        guidance_scale=guidance,
        video_length=FRAMES,
        height=SIDE,
        width=SIDE,
        clean_caption=False,
        generator=torch.Generator().manual_seed(seed),
        output_type="np",
    ).frames[0]
    return torch.from_numpy(np.asarray(video)).float()


@torch.no_grad()
def reconstruct(pipeline: LattePipeline, captions: list[Caption]) -> list[torch.Tensor]:
    """Rendered videos of `captions` through the autoencoder."""
    clips = render(captions, np.random.Generator(np.random.PCG64(1)))
    videos = []
    for clip in clips.video:
        latents = pipeline.vae.encode(clip.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mode()
        decoded = pipeline.vae.decode(latents).sample.permute(0, 2, 3, 1)
        videos.append((decoded / 2 + 0.5).clamp(0, 1))
    return videos


def untrained(pipeline: LattePipeline) -> LattePipeline:
    """The same pipeline with a transformer of random weights, as a control."""
    torch.manual_seed(0)
    transformer = LatteTransformer3DModel.from_config(pipeline.transformer.config).eval()
    parts = {**pipeline.components, "transformer": transformer}
    control = LattePipeline(**parts)
    control.set_progress_bar_config(disable=True)
    return control


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
        for column, frame in enumerate(np.linspace(0, FRAMES - 1, COLUMNS).round().astype(int)):
            pixels = (video[frame].numpy() * 255).round().astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (left + column * scale, top + title))
    return sheet


def main() -> None:
    """Parse the command line, evaluate, report."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.evaluate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=EMBEDDED)
    parser.add_argument("--prompts", type=int, default=96, help="how many held-out prompts")
    parser.add_argument("--control", type=int, default=8, help="prompts for the untrained control")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("results/minis/latte"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    captions = split_captions()[1][: arguments.prompts]
    pipeline = load(arguments.checkpoint)
    videos, readings = [], []
    for i, caption in enumerate(captions):
        videos.append(
            sample(pipeline, caption, arguments.seed + i, arguments.steps, arguments.guidance)
        )
        readings.append(read_video(videos[-1]))
    control = untrained(pipeline)
    few = captions[: arguments.control]
    control_readings = [
        read_video(sample(control, c, arguments.seed, arguments.steps, arguments.guidance))
        for c in few
    ]
    rates = {
        "sampled": hit_rates(readings, captions),
        "chance": {**CHANCE, "all": float(np.prod(list(CHANCE.values())))},
        "untrained": hit_rates(control_readings, few) if few else None,
        "autoencoder": hit_rates(
            [read_video(v) for v in reconstruct(pipeline, captions)], captions
        ),
        "checker on rendered videos": validate(captions),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = {
        "prompts": len(captions),
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "first_seed": arguments.seed,
    }
    write_json(arguments.out / "evaluation.json", {**settings, "rates": rates})
    sheet = contact_sheet(videos[:24], captions[:24], readings[:24])
    sheet.save(arguments.out / "contact_sheet.png")
    print(json.dumps(settings))
    names = [*ATTRIBUTES, "all"]
    print(f"{'':28}" + "".join(f"{name:>12}" for name in names))
    for what, values in rates.items():
        if values is not None:
            print(f"{what:28}" + "".join(f"{values[name]:12.3f}" for name in names))
    print(f"contact sheet: {arguments.out / 'contact_sheet.png'}")


if __name__ == "__main__":
    main()
