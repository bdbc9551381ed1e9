"""A run on several ranks, started by torchrun: prints how many threads carry messages."""

import sys
from pathlib import Path

from experiment import ranks_program

from pab_bench.experiment import ranks


def answer(rank: int, count: int, question: str) -> str:
    return f"{question} by {rank} of {count}"


def carriers() -> int:
    """Threads of Gloo that carry messages in this process."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return names.count("pt_gloo_runloop")


if __name__ == "__main__":
    if ranks.rank() > 0:
        sys.exit(ranks.serve())
    with ranks.leading():
        # Keeps the default group until the process ends; diffusers imports it, among others.
        import torch.distributed.nn.functional  # noqa: F401

        print(ranks.on_all(ranks_program.answer, "answered"))
        print("during", carriers())
    print("after", carriers())
