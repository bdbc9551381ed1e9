"""Draws figures in other processes, too: Matplotlib keeps a single core busy.

`python -m analysis.drawing DIRECTORY png` is such a process. It reads names of figures from its
input, a line each, and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from analysis.data import SweepData
from analysis.load import load_sweep
from analysis.products import Outcome, attempt, figures

_log = logging.getLogger(__name__)
_WORTH_IT = 8
"""Finished jobs from which on a process, which takes a second to start, saves more than that."""
_MOST = 3
_PROGRAM = (sys.executable, "-m", "analysis.drawing")


class Drawing:
    """Makes all figures, each wherever there is time for it; the processes start at once.

    Args:
        directory: of the sweep, as another process can load it.
        data: the sweep.
        formats: in which a figure is written, such as `png`.
    """

    def __init__(self, directory: Path, data: SweepData, formats: Sequence[str]) -> None:
        self._formats = formats
        self._figures = list(figures(data, formats).items())
        self._waiting = deque(range(len(self._figures)))
        self._outcomes: dict[int, Outcome] = {}
        helpers = min(_cores() - 1, _MOST) if len(data.sweep.finished) >= _WORTH_IT else 0
        self._pool = ThreadPoolExecutor(max(helpers, 1))
        self._started = [self._pool.submit(self._elsewhere, directory) for _ in range(helpers)]

    def finish(self) -> dict[str, Outcome]:
        """Draw here, too, until all figures are there; what came of each, in their order."""
        self._here()
        for process in self._started:
            process.result()
        self._here()  # What a process has given back.
        self._pool.shutdown()
        return {name: self._outcomes[number] for number, (name, _) in enumerate(self._figures)}

    def _next(self) -> int | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _here(self) -> None:
        while (number := self._next()) is not None:
            self._outcomes[number] = attempt(*self._figures[number])

    def _elsewhere(self, directory: Path) -> None:
        """Let a process draw until nothing waits; what it cannot do goes back."""
        source = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        number = None
        try:
            with subprocess.Popen(
                [*_PROGRAM, str(directory.absolute()), *self._formats],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdout.readline()  # It is ready: until now the others take what there is.
                while (number := self._next()) is not None:
                    process.stdin.write(f"{self._figures[number][0]}\n")
                    process.stdin.flush()
                    answer = json.loads(process.stdout.readline())
                    written = tuple(map(Path, answer.pop("written")))
                    self._outcomes[number] = Outcome(written, **answer)
        except (OSError, ValueError) as error:
            _log.warning("a process that draws figures has ended: %s", error)
            if number is not None and number not in self._outcomes:
                self._waiting.append(number)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(directory: Path, formats: Sequence[str]) -> None:
    """Be such a process, until nothing more is asked for or nobody listens any more."""
    try:
        _answer(directory, formats)
    except (BrokenPipeError, KeyboardInterrupt):  # Who asked was killed, or the user stops all.
        # Otherwise Python complains when it closes the output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(directory: Path, formats: Sequence[str]) -> None:
    products = figures(SweepData(load_sweep(directory)), formats)
    print(flush=True)
    for line in sys.stdin:
        name = line.strip()
        made = attempt(name, products[name])
        outcome = {"skipped": made.skipped, "failure": made.failure}
        print(json.dumps({"written": list(map(str, made.written)), **outcome}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
