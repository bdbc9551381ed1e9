"""`attach`: a method on a pipeline that somebody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pab_bench.door.attachment import Attachment
from pab_bench.door.rules import method_of
from pab_bench.door.target import target_of
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.methods.base import Method
from pab_bench.methods.pab_keys import PAB
from pab_bench.methods.rules import Rules


def attach(
    pipe_or_transformer: Any,
    rules: PAB | Rules | Method,
    *,
    timesteps: Sequence[float] | torch.Tensor | None = None,
    steps: int | None = None,
    lanes: int = 1,
    cache: CacheOptions | None = None,
) -> Attachment:
    """Attach broadcast rules to a pipeline for the length of a `with` block, and return the run.

    The pipeline is used as ever; whatever it samples inside follows the rules. The plan is made at
    the transformer's first call, from the scheduler's timesteps.

    Args:
        pipe_or_transformer: a diffusers pipeline with a transformer of a known class (Latte,
            CogVideoX, Wan, SkyReels-V2, HunyuanVideo, LTX-Video, Mochi, or this package's Open-Sora
            and Open-Sora-Plan), or such a transformer.
        rules: `PAB`, whose missing windows are those recommended for the system; `Rules`, which say
            everything; or another method.
        timesteps: for a transformer without its pipeline, the timestep of every call, in order.
        steps: likewise, the number of denoising steps, after which gaps are counted anew; None =
            as many as timesteps. PNDM has more calls than steps.
        lanes: calls of the transformer per denoising step: 2 where the halves of the guidance batch
            are two calls.
        cache: in which dtype and where outputs are kept; None = as and where they are.

    Returns:
        A context manager. Inside and afterwards it has `plan`, `ledger` and `timesteps` of the last
        video, `peak_cache_bytes` of all, and `videos`, the number of complete ones.

    Raises:
        ConfigError: if the class is not known, there are two transformers, calls do not tell their
            timestep (Cosmos), something in `rules` cannot be meant, or timesteps are missing. While
            sampling: if no timestep lies within a window.
        AlreadyAttached: on entering, if something is attached to the transformer.
        PlanMismatch: while sampling, if the transformer is called with other timesteps than those
            of the list, in order.
        LedgerMismatch: at a video's last call, if something else happened than was planned.

    Example:
        >>> import pab_bench as pb
        >>> with pb.attach(pipe, pb.PAB(spatial_gap=2, cross_gap=3)) as run:
        ...     video = make()
        >>> run.timesteps
        (875, 750, 625, 500, 375, 250, 125, 0)
        >>> run.ledger.totals()["spatial"]
        {'computed': 30, 'reused': 18}
        >>> run.plan.reuse_share("cross"), run.videos
        (0.5, 1)
    """
    target = target_of(pipe_or_transformer, timesteps, steps)
    return Attachment(target, method_of(rules, target.architecture), lanes=lanes, cache=cache)
