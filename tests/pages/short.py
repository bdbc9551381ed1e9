"""How a command is run the short way: embedded minis, few steps, one prompt, nothing timed."""

from __future__ import annotations

from collections.abc import Sequence

from pages.stand_ins import PROMPT

from pab_bench.config.compose import options, read_option

_PLACES = ("results_dir=results",)
_FEW = ("steps=10", "speed.calls=false", "hydra.verbose=false")
_SMALL = ("model.height=32", "model.width=32")
_FEW_FIGURES = ("record.curves=false", "record.videos=false")
_CURVES = ("claims", "advise")
_OF_TASKS = {
    "speed": ("speed.calls=true", "speed.precision=0.5", "speed.budget_s=150"),
    "advise": ("advise.budget=4", "advise.max_lag=3"),
    "calibrate": ("calibrate.hold_out=0", "calibrate.degree=1"),
}
_CALIBRATED = {"magcache", "teacache"}
"""Methods whose constants belong to the usual number of steps."""
_AT_FULL_SIZE = {
    "adacache",
    "delta_dit",
    "delta_dit_pab",
    "fastercache",
    "mask",
    "tgate",
    "tgate_pab",
}
"""Methods whose settings belong to a model with all of its blocks and steps."""
_NO_WEIGHTS = ("plan", "cost", "scaling")
_LATTE = {"latte_mini", "latte_mini_random"}
_NOT_HERE = ("hydra.launcher.partition=", "hydra.launcher.gpus_per_node=")
"""What a machine without a cluster does not know."""
_INSTEAD = {
    "hydra/launcher=submitit_slurm": "hydra/launcher=submitit_local",
    "tracking.mode=online": "tracking.mode=offline",
    "device=cuda": "device=cpu",
    "model.offload=model": "model.offload=none",
}


def shortened(words: Sequence[str]) -> list[str]:
    """Arguments of `python -m pab_bench`, changed so that they are done in seconds."""
    words = [_INSTEAD.get(word, word) for word in words if not word.startswith(_NOT_HERE)]
    if "--help" in words:
        return words
    values = dict(word.split("=", 1) for word in words if "=" in word)
    task = values.get("task", "run")
    sweep = values.get("+sweeps", "")
    if task in _NO_WEIGHTS or sweep.startswith(("paper_flops", "table4", "scaling")):
        return [*words, *_PLACES]
    models = [_mini(name) for name in values.get("model", "latte_mini").split(",")]
    minis = [name for name in models if name is not None]
    if values.get("method") in _AT_FULL_SIZE:
        return [*words, "task=plan", *_PLACES]
    if len(minis) < len(models):  # Its weights are not here: all but the sampling.
        given = [word for word in words if not word.startswith(("model=", "task="))]
        return [*given, f"model={values['model']}", "task=plan", *_PLACES]
    if "model" in values:
        words = [f"model={','.join(minis)}" if w.startswith("model=") else w for w in words]
    if task == "run" and _CALIBRATED & set(values.get("method", "").split(",")):
        return [*words, "task=plan", *_PLACES]
    if values.get("threshold") == "auto":  # A curve of few steps has no flat part to be found.
        return [*words, "speed.calls=false", f"prompts.texts=[{PROMPT}]", *_PLACES]
    more = [*_FEW, *_OF_TASKS.get(task, ())]
    if values.get("method") == "fewer_steps":  # Fewer than the baseline's.
        more.append("steps=24")
    if task not in _CURVES:
        more += _FEW_FIGURES
    if not {"metrics", "objectives"} & values.keys() and sweep != "search" and task != "advise":
        more.append("metrics.names=[psnr]")
    if "prompts.file" not in values:
        more.append(f"prompts.texts=[{PROMPT}]")
    if set(minis) <= _LATTE and not sweep.startswith("table1_open"):
        more += _SMALL
    return [*words, *more, *_PLACES]


def _mini(name: str) -> str | None:
    """The embedded model of the same kind; None where there is none."""
    if name not in options("model") or read_option("model", name)["repository"] is None:
        return name
    return f"{name}_mini" if f"{name}_mini" in options("model") else None
