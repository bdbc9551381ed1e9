"""The process that the fault tests kill: a sweep as from the command line."""

import os
import sys


def sweep(folder, arguments):
    """Run a command line in a folder, silently."""
    os.chdir(folder)
    with open(os.devnull, "w") as nowhere:
        sys.stdout = sys.stderr = nowhere
        import torch

        from pab_bench.cli import main

        torch.set_num_threads(1)
        os._exit(main(arguments))
