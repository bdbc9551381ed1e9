"""How the modules are executed: compiled or not, reproducibly or not."""

from __future__ import annotations

import os
from typing import Any

import torch

from pab_bench.engine.sites import Architecture

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def compile_sites(architecture: Architecture, backend: str | None = None) -> None:
    """Let `torch.compile` build every module inside the blocks: attention, MLP, norms.

    What is compiled is what a site computes, never the block around it: whether a site computes is
    decided outside of the graphs, so that no step compiles anew, and reusing costs no graph. The
    modules of one kind share their graph, since they differ in weights only.

    Args:
        architecture: the transformer; its modules are changed for good.
        backend: a backend of `torch.compile`; None = its default, Inductor, which on a CPU needs a
            C++ compiler.
    """
    chosen: dict[str, Any] = {} if backend is None else {"backend": backend}
    for block in architecture.blocks():
        for module in block.module.children():
            if any(True for _ in module.parameters()):
                module.compile(dynamic=False, **chosen)


def set_deterministic(wanted: bool) -> None:
    """Refuse kernels whose results vary from run to run, or allow them again.

    An operation that has no reproducible kernel then raises. On a CPU all are reproducible for a
    given number of threads.
    """
    if wanted:
        # cuBLAS reads it when it is first used.
        os.environ.setdefault(_WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.benchmark = False
