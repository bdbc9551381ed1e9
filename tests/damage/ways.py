"""Ways in which a file can stop being what was written, and the files that can."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("something")


def _other(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def _text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


WAYS: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "one bit flipped": _flip,
    "a folder": _become_folder,
    "removed": lambda path: path.unlink(),
    "unreadable": lambda path: path.chmod(0),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "[]": _text("[]"),
    "5": _text("5"),
    "null": _text("null"),
    '"x"': _text('"x"'),
    "{}": _text("{}"),
    "nested": _text("[" * 100_000 + "]" * 100_000),
    "NaN": _text('{"models": NaN, "status": NaN}'),
}
"""What can be done to any file; `other` needs another of the same kind."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind in a results folder.

    Attributes:
        files: where they are, as a pattern; the first is damaged, the second takes its place.
        needs: what must be made again for a file of this kind to be looked at, as a pattern.
    """

    files: str
    needs: str | None = None

    def damage(self, results: Path, way: str) -> Path:
        """Damage the first file, and remove what would keep it from being read; its path."""
        first, *others = sorted(results.glob(self.files))
        if way == "other":
            _other(first, next(o for o in others if o.read_bytes() != first.read_bytes()))
        else:
            WAYS[way](first)
        return first


def _of(points: str, name: str) -> str:
    return f"points/{points}/{name}"


KINDS = {
    "record": Kind(_of("*", "record.json")),
    "digests": Kind(_of("*", "SHA256SUMS")),
    "plan": Kind(_of("*", "plan.parquet")),
    "steps": Kind(_of("*", "steps.parquet")),
    "curves": Kind(_of("*", "curves.parquet")),
    "maps": Kind(_of("*", "attention_maps.safetensors")),
    "metrics": Kind(_of("*", "metrics.parquet")),
    "frames": Kind(_of("*", "videos/*.safetensors")),
    "mp4": Kind(_of("*", "videos/*.mp4")),
    "tape": Kind("tapes/*/*.safetensors", needs="points/*"),
    "weights": Kind("weights_digests.json"),
    "pointer": Kind("sweep/*/*/point.json"),
    "overrides": Kind("sweep/*/*/.hydra/overrides.yaml"),
    "multirun": Kind("sweep/*/multirun.yaml"),
}
ALONE = ("curves", "maps", "weights", "multirun")
"""Of these there is one only."""
EVERY = [
    (kind, way)
    for kind in KINDS
    for way in (*WAYS, "other")
    if not (way == "other" and kind in ALONE)
]
