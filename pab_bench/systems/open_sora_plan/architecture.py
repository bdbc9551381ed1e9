"""Broadcasting in Open-Sora-Plan's `LatteT2V`."""

from __future__ import annotations

from pab_bench.systems.latte.ada_norm_single import AdaNormSingleArchitecture


class OpenSoraPlanArchitecture(AdaNormSingleArchitecture):
    """Blocks and sites are Latte's; what differs is how often the sampler calls them.

    PNDM starts with three Runge-Kutta steps of four calls: N steps are N + 9 calls, with repeated
    timesteps. Upstream counts calls modulo N (`counter_period` of `make_plan`).

    Upstream's counters also run on from video to video: its second video in a process begins at
    9 modulo N, so that other calls compute. Here every video begins at 0; upstream's first video
    is what ours all are.
    """
