"""Where files of pretrained networks are looked for, and the error that lists what is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pab_bench.errors import MetricUnavailable

Cache = Literal["vbench", "torch", "clip"]
"""VBench's (`VBENCH_CACHE_DIR`, default ~/.cache/vbench), torchvision's (`TORCH_HOME`, default
~/.cache/torch; in `hub/checkpoints`), and that of OpenAI's CLIP (~/.cache/clip)."""


@dataclass(frozen=True)
class WeightFile:
    """A file of weights that does not come with the package.

    Attributes:
        name: its path below the cache, as the original program lays it out.
        cache: whose cache.
        origin: where to get it.
        elsewhere: a second cache in which other programs keep the same file, under its bare name.
    """

    name: str
    cache: Cache
    origin: str
    elsewhere: Cache | None = None

    def places(self, folder: str | None) -> list[Path]:
        """Where the file may lie, the first choice first; `folder` is the user's own."""
        bare = Path(self.name).name
        places = [_cache(self.cache) / self.name]
        if self.elsewhere:
            places.append(_cache(self.elsewhere) / bare)
        if folder is not None:
            own = Path(folder).expanduser()
            places = [own / self.name, own / bare, *places]
        return places

    def find(self, folder: str | None) -> Path | None:
        """The file, or None if it is nowhere."""
        return next((place for place in self.places(folder) if place.is_file()), None)


def find_weights(metric: str, files: Sequence[WeightFile], folder: str | None) -> list[Path]:
    """All files of a metric.

    Args:
        metric: its name, for the message.
        files: what it needs.
        folder: where the user keeps such files, looked into before the caches; None = nowhere.

    Raises:
        MetricUnavailable: with every missing file, where it belongs and where to get it.
    """
    found = [file.find(folder) for file in files]
    missing = [file for file, path in zip(files, found, strict=True) if path is None]
    if missing:
        listed = "; ".join(f"{file.places(folder)[0]} (from {file.origin})" for file in missing)
        raise MetricUnavailable(f"{metric}: missing weights: {listed}")
    return [path for path in found if path is not None]


def _cache(name: Cache) -> Path:
    # These are the variables of VBench and torch: whoever has set them expects them to be obeyed.
    if name == "vbench":
        return Path(os.environ.get("VBENCH_CACHE_DIR") or "~/.cache/vbench").expanduser()
    if name == "clip":
        return Path("~/.cache/clip").expanduser()
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    home = Path(os.environ.get("TORCH_HOME") or default).expanduser()
    return home / "hub" / "checkpoints"
