"""`python -m pab_bench.export`: hands videos to other programs and reads back what they say.

Exit status: 0 if everything was done, 2 if it cannot be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pab_bench.errors import PabBenchError
from pab_bench.export.vbench import QUALITY, export, prompt_file, read_back, write_tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.what == "vbench":
            for folder, videos in export(options.run, options.to, options.quality).items():
                prompts = options.to / prompt_file(folder)
                print(f"{videos} videos in {options.to / folder}, their prompts in {prompts}")
        else:
            for path in write_tables(read_back(options.to, options.results), options.to):
                print(path)
    except PabBenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.export", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    write = commands.add_parser(
        "vbench",
        help="write a run's videos as the official VBench expects them",
        description="Then, in VBench's own environment and for every folder: vbench evaluate "
        "--videos_path TO/FOLDER --dimension DIMENSION --output_path OUT; for prompts that are not "
        "of VBench's suite with --mode custom_input --prompt_file TO/prompts-FOLDER.json",
    )
    write.add_argument("run", type=Path, help="a sweep's folder, or that of a single run")
    write.add_argument("to", type=Path, help="where to write")
    write.add_argument(
        "--quality", type=int, choices=range(11), default=QUALITY, help="of the mp4 files, 0..10"
    )
    read = commands.add_parser("vbench-results", help="read VBench's results back into tables")
    read.add_argument("to", type=Path, help="the folder that was exported to")
    read.add_argument("results", type=Path, nargs="+", help="VBench's *_eval_results.json")
    return parser
