"""What stands in for the names in capitals, and for files that a reader is to have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from site_pages.places import ROOT

from pab_bench.minis.random_cogvideox import FOLDER as RANDOM_WEIGHTS
from pab_bench.minis.random_cogvideox import main as write_cogvideox
from pab_bench.store.mp4 import write_mp4

PIPELINE = ROOT / "pab_bench" / "minis" / "latte"
"""Any pipeline of diffusers in a folder."""
PROMPT = "a large red circle moves right slowly over a black background"
RULES = "spatial_gap: 2\nspatial_threshold: [100, 800]\n"
_WORDS = {"model=NAME": "model=latte_mini"}


def lay_out(folder: Path) -> None:
    """Put there what the commands take for granted."""
    (folder / "my.yaml").write_text(RULES)
    (folder / "plan.json").write_text(json.dumps({"spatial": "10" * 25}))
    (folder / "prompts.txt").write_text(f"{PROMPT}\n")
    (folder / "FOLDER").symlink_to(PIPELINE)
    write_cogvideox([str(folder / RANDOM_WEIGHTS)])
    advice = folder / "results" / "advice" / "open_sora_mini-1a2b3c4d"
    advice.mkdir(parents=True)
    (advice / "preset.yaml").write_text(RULES.replace("[100, 800]", "[450, 930]"))
    (folder / "tests").symlink_to(ROOT / "tests")
    noise = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    for name, frames in (("REFERENCE_DIR", noise), ("TEST_DIR", noise // 2)):
        (folder / name).mkdir()
        write_mp4(folder / name / "video.mp4", frames)


def stood_in(words: Sequence[str]) -> list[str]:
    """A command with something for each name in capitals."""
    return [_WORDS.get(word, word) for word in words]
