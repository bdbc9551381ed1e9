"""Operations and held bytes of every static method, predicted and measured on a video.

`python tests/benchmarks/predicted_against_measured.py [--models M,..] [--contenders C,..]
[--size N] [--to FILE]`

Predicted: from the settings alone, without weights, before anything is sampled. Measured: while one
video of the embedded mini is denoised, operations by a meter around everything that runs (text
encoder and decoder left out, as no plan changes them) and bytes as the engine holds them. Both
must be equal to the last digit; the exit status is 1 where they are not. What a model cannot carry
has a row with the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pab_bench.imports.torchvision  # isort: skip
import pab_bench as pb
from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.estimate import estimate
from pab_bench.experiment.sampling import denoiser_of, places
from pab_bench.experiment.session import open_session
from pab_bench.problems import InvalidSettings
from pab_bench.text.markdown import markdown_table
from pab_bench.text.missing import MISSING

MODELS = ("latte_mini", "open_sora_mini", "wan_mini")
CONTENDERS = (
    "none",
    "own_pab",
    "own_tgate_pab",
    "tgate",
    "own_delta_dit",
    "delta_dit_pab",
    "fora",
    "taylorseer",
    "magcache",
    "fastercache",
    "own_fewer_steps",
)
HEADINGS = (
    *("model", "contender", "calls", "operations predicted", "measured", "of the baseline"),
    *("bytes predicted", "measured", "equal"),
)
NUMERIC = (False, False, *[True] * 6, False)


@dataclass(frozen=True)
class Compared:
    """One method on one model.

    Attributes:
        calls: of the plan.
        operations: predicted and measured, of the transformer in one video.
        baseline: operations of a video with nothing reused.
        held: bytes, predicted and measured, that are held at once at most.
    """

    calls: int
    operations: tuple[int, int]
    baseline: int
    held: tuple[int, int]

    @property
    def equal(self) -> bool:
        """Whether both predictions hold to the last digit."""
        return len(set(self.operations)) == len(set(self.held)) == 1


def compare(settings: Settings) -> Compared:
    """Predict the cost of a point, and measure it on its first video."""
    convention = get_convention(DEFAULT)
    predicted = estimate(settings, convention)
    session = open_session(settings)
    place = places(settings)[0]
    denoiser = denoiser_of(settings, session, predicted.plan)
    session.encode(place.prompt)  # It is kept, so that the meter sees the transformer alone.
    with WorkCounter() as counter:
        denoised = denoiser.run(place)
    outside = predicted.flops.outside
    return Compared(
        predicted.plan.calls,
        (predicted.flops.method - outside, convention.count(counter.work, predicted.system)),
        predicted.flops.baseline - outside,
        (predicted.cache.peak, denoised.peak_cache_bytes),
    )


def rows(
    models: Sequence[str], contenders: Sequence[str], size: int
) -> Iterator[tuple[list[str], bool]]:
    """Yield the cells of every row, and whether nothing is wrong in it."""
    pixels = {"model.height": size, "model.width": size}
    for model in models:
        for contender in contenders:
            try:
                settings = pb.settings(model, contender=contender, **pixels)
            except InvalidSettings as error:
                reason = str(error.problems[0])
                yield [model, contender, *[MISSING] * 6, f"refused: {reason}"], True
                continue
            found = compare(settings)
            yield (
                [
                    *(model, contender, str(found.calls)),
                    *map(str, found.operations),
                    f"{found.operations[1] / found.baseline:.4f}",
                    *map(str, found.held),
                    "yes" if found.equal else "NO",
                ],
                found.equal,
            )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODELS), help="names, with commas")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="names, with commas")
    parser.add_argument("--size", type=int, default=64, help="pixels of a frame's side")
    parser.add_argument("--to", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    made = []
    names = options.models.split(","), options.contenders.split(",")
    for cells, is_right in rows(*names, options.size):
        print(" | ".join(cells), flush=True)
        made.append((cells, is_right))
    if options.to is not None:
        table = markdown_table(HEADINGS, [cells for cells, _ in made], NUMERIC)
        options.to.write_text(table, "utf-8")
    return int(not all(is_right for _, is_right in made))


if __name__ == "__main__":
    raise SystemExit(main())
