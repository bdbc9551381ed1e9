"""Which video of one folder belongs to which of the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pab_bench.compare.sources import KINDS, Video, is_source, name_of, read_video
from pab_bench.errors import PabBenchError
from pab_bench.metrics.base import About, InvalidVideo, check_pair
from pab_bench.metrics.measure import Clip


class FolderRefused(PabBenchError):
    """A folder from which nothing can be compared."""


@dataclass(frozen=True)
class Pair:
    """A reference and the video that is measured against it.

    Attributes:
        name: what both are called.
        reference: file or folder.
        test: file or folder.
    """

    name: str
    reference: Path
    test: Path

    @property
    def prompt(self) -> str:
        """The name without a trailing number: videos of one prompt are `{prompt}-{i}`."""
        return re.sub(r"-\d+$", "", self.name)

    @property
    def seed(self) -> str:
        """The trailing number, empty without one."""
        return self.name[len(self.prompt) + 1 :]


@dataclass
class Pairs:
    """What was found in two folders.

    Attributes:
        pairs: by name, sorted.
        refused: name -> why it is not compared.
        ignored: files that are no videos, as paths.
    """

    pairs: list[Pair]
    refused: dict[str, str]
    ignored: list[Path]
    measured: list[Pair] = field(default_factory=list)

    def clips(self) -> Iterator[Clip]:
        """The pairs one after the other, each read when it is asked for.

        One that cannot be read or does not fit is added to `refused`, the others to `measured`.
        """
        for pair in self.pairs:
            try:
                reference, test = read_video(pair.reference), read_video(pair.test)
                _check_fit(pair, reference, test)
            except PabBenchError as error:
                self.refused[pair.name] = str(error)
                continue
            self.measured.append(pair)
            about = About(pair.prompt, test.frames_per_second)
            clip = Clip(test.frames, reference.frames, about)
            del test, reference
            yield clip
            del clip  # Only one pair is held in memory.


def find_pairs(reference: Path, test: Path) -> Pairs:
    """Pair the videos of two folders by name.

    Raises:
        FolderRefused: if a folder is missing or holds no videos, or no name is in both.
    """
    sides, ignored = [], []
    for folder in (reference, test):
        videos, others = _videos_in(folder)
        sides.append(videos)
        ignored += others
    pairs, refused = [], {}
    for name in sorted({*sides[0], *sides[1]}):
        found = [side.get(name, []) for side in sides]
        several = [paths for paths in found if len(paths) > 1]
        if several:
            refused[name] = f"several videos of one name: {', '.join(map(str, several[0]))}"
        elif not found[0] or not found[1]:
            here, missing = (test, reference) if found[1] else (reference, test)
            refused[name] = f"only in {here}: expected one called {name} in {missing}"
        else:
            pairs.append(Pair(name, found[0][0], found[1][0]))
    if not pairs:
        listed = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise FolderRefused(f"no video of {test} has the name of one of {reference}: {listed}")
    return Pairs(pairs, refused, ignored)


def _videos_in(folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    if not folder.is_dir():
        raise FolderRefused(f"{folder}: expected a folder, it does not exist or is a file")
    found: dict[str, list[Path]] = {}
    others = []
    for path in sorted(folder.iterdir()):
        if is_source(path):
            found.setdefault(name_of(path), []).append(path)
        else:
            others.append(path)
    if not found:
        raise FolderRefused(f"{folder}: no videos in it; expected {KINDS}")
    return {name: _lossless(paths) for name, paths in found.items()}, others


def _lossless(paths: list[Path]) -> list[Path]:
    """Of a video that lies there twice, as `sample.lossless` writes it, the frames themselves."""
    kinds = {path.suffix.lower(): path for path in paths}
    if len(paths) == 2 and set(kinds) == {".mp4", ".safetensors"}:
        return [kinds[".safetensors"]]
    return paths


def _check_fit(pair: Pair, reference: Video, test: Video) -> None:
    try:
        check_pair(test.frames, reference.frames)
    except InvalidVideo as error:
        raise InvalidVideo(f"{pair.test} and {pair.reference}: {error}") from error
