"""Which video of one folder belongs to which of the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pab_bench.compare.folders import FolderRefused, videos_in
from pab_bench.compare.frame_folders import size
from pab_bench.compare.sources import read_video
from pab_bench.compare.video import Video
from pab_bench.errors import PabBenchError
from pab_bench.metrics.base import About, InvalidVideo
from pab_bench.metrics.measure import Clip

_SHOWN = 5


@dataclass(frozen=True)
class Pair:
    """A reference and the video that is measured against it.

    Attributes:
        name: what both are called: the path from their folders on.
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
        measured: those that were read and measured.
        notes: name -> what was done to the frames while reading, and what differs.
    """

    pairs: list[Pair]
    refused: dict[str, str]
    ignored: list[Path]
    measured: list[Pair] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

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
            notes = list(_notes(reference, test))
            if notes:
                self.notes[pair.name] = notes
            # A text metric reads the prompt, not the folder that it lies in.
            about = About(pair.prompt.rpartition("/")[2], test.frames_per_second)
            clip = Clip(test.frames, reference.frames, about)
            del test, reference
            yield clip
            del clip  # Only one pair is held in memory.

    def refuse_last(self, error: Exception) -> None:
        """Refuse the pair that `clips` gave last, since it could not be measured."""
        pair = self.measured.pop()
        self.notes.pop(pair.name, None)
        reason = (str(error).strip().splitlines() or [""])[0]
        self.refused[pair.name] = f"could not be measured: {type(error).__name__}: {reason}"


def find_pairs(reference: Path, test: Path) -> Pairs:
    """Pair the videos of two folders, and of the folders below them, by name.

    Raises:
        FolderRefused: if a folder is missing or holds no videos, both are the same one, or no name
            is in both.
    """
    if reference.is_dir() and test.is_dir() and reference.samefile(test):
        raise FolderRefused(f"{reference} and {test} are the same folder; expected two")
    sides = [videos_in(reference, without=test), videos_in(test, without=reference)]
    pairs, refused = [], {}
    for name in sorted({*sides[0].videos, *sides[1].videos}):
        found = [side.videos.get(name, []) for side in sides]
        several = [paths for paths in found if len(paths) > 1]
        if several:
            refused[name] = f"several videos of one name: {', '.join(map(str, several[0]))}"
        elif not found[0] or not found[1]:
            here, missing = (test, reference) if found[1] else (reference, test)
            refused[name] = f"only in {here}: expected one called {name} in {missing}"
        else:
            pairs.append(Pair(name, found[0][0], found[1][0]))
    if not pairs:
        listed = "; ".join(f"{name}: {why}" for name, why in [*refused.items()][:_SHOWN])
        more = f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        raise FolderRefused(
            f"no video of {test} has the name of one of {reference}: {listed}{more}"
        )
    return Pairs(pairs, refused, [*sides[0].others, *sides[1].others])


def _check_fit(pair: Pair, reference: Video, test: Video) -> None:
    if None not in (reference.step, test.step) and reference.step != test.step:
        raise InvalidVideo(
            f"{pair.test} and {pair.reference}: their frames are numbered in steps of {test.step} "
            f"and {reference.step}: they are not the same moments"
        )
    if reference.frames.shape != test.frames.shape:
        raise InvalidVideo(
            f"expected as many frames of one size, got {_described(pair.test, test)}, and "
            f"{_described(pair.reference, reference)}"
        )


def _described(path: Path, video: Video) -> str:
    notes = f" ({'; '.join(video.notes)})" if video.notes else ""
    return f"{path}: {len(video.frames)} frames of {size(video.frames)}{notes}"


def _notes(reference: Video, test: Video) -> Iterator[str]:
    for side, video in (("reference", reference), ("test", test)):
        yield from (f"{side}: {note}" for note in video.notes)
        if reference.step != test.step and (video.step or 1) > 1:
            yield f"{side}: its frames are numbered in steps of {video.step}"
    rates = [f"{video.frames_per_second:.3g}" for video in (test, reference)]
    if rates[0] != rates[1] and reference.rate_is_known and test.rate_is_known:
        yield f"{rates[0]} and {rates[1]} frames a second: compared frame by frame"
