"""What every case needs, done once in the process that all of them are forked from."""

from __future__ import annotations

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import importlib

from pab_bench.config import hydra_setup
from pab_bench.config.preflight import preflight

for name in (
    "analysis.build",
    "pab_bench.cli",
    "pab_bench.compare.command",
    "pab_bench.cite.command",
    "pab_bench.export.command",
    "pab_bench.leaderboard.command",
    "pab_bench.pack.command",
    "pab_bench.reproduce.command",
    "pab_bench.tasks.claims",
    "pab_bench.tasks.cost",
    "pab_bench.tasks.plan",
    "pab_bench.tasks.run",
    "pab_bench.tasks.sample",
    "pab_bench.unpack.command",
):
    importlib.import_module(name)

# Hydra's parser and its plugins are set up at their first use.
hydra_setup.register()
preflight(hydra_setup.argument_parser().parse_args(["steps=4"]))
