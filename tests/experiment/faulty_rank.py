"""The command line on one rank, which does something to itself in the middle of a video.

`FAULT=RANK:WHAT`; what is `kill`, `stop`, `raise` or `weights` (other ones than its checkpoint's).
"""

import os
import signal
import sys

import torch

import pab_bench.parallel.layout as layout
from pab_bench.cli import main

AT_GATHER = 5
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def inject(what: str) -> None:
    together, seen = layout.Share.together, []

    def faulty(share, x):
        seen.append(x)
        if len(seen) == AT_GATHER:
            print(f"fault: {what}", file=sys.stderr, flush=True)
            if what == "raise":
                raise MemoryError("no memory on this rank")
            os.kill(os.getpid(), SIGNALS[what])
        return together(share, x)

    if what != "weights":
        layout.Share.together = faulty
        return
    import pab_bench.experiment.session as session

    load = session.load_sampler

    def other(*arguments):
        sampler = load(*arguments)
        with torch.no_grad():
            next(sampler.architecture.transformer.parameters()).view(-1)[0] += 1
        return sampler

    session.load_sampler = other


if __name__ == "__main__":
    rank, _, fault = os.environ["FAULT"].partition(":")
    if os.environ["RANK"] == rank:
        inject(fault)
    sys.exit(main())
