"""Hydra's own keys, of which some cannot be obeyed and others would hide a job from us."""

from __future__ import annotations

from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from pab_bench.problems import InvalidSettings, Problem, show


def problems_of_hydra(cfg: DictConfig) -> list[Problem]:
    """Find what is wrong with `hydra.*` in a composed configuration.

    Raises:
        InvalidSettings: if there is no launcher or sweeper in it, so that nothing else can be said.
    """
    known = Plugins.instance().class_name_to_class
    for part in ("launcher", "sweeper"):
        target = OmegaConf.select(cfg, f"hydra.{part}._target_")
        if target not in known:
            key = f"hydra.{part}" if target is None else f"hydra.{part}._target_"
            shown = f"{key}={show(OmegaConf.select(cfg, key))}"
            raise InvalidSettings([Problem(shown, f"choose one by hydra/{part}=NAME")])
    found = []
    subdir = OmegaConf.to_container(cfg.hydra.sweep, resolve=False)["subdir"]  # type: ignore[call-overload, index]
    if subdir != "${hydra.job.num}":
        message = "the folders of jobs are their numbers; leave it out"
        found.append(Problem(f"hydra.sweep.subdir={subdir}", message))
    if OmegaConf.select(cfg, "hydra.job.chdir"):
        message = "paths are those of the folder that the command is typed in; leave it out"
        found.append(Problem("hydra.job.chdir=true", message))
    written = OmegaConf.select(cfg, "hydra.output_subdir")
    if written != ".hydra":
        message = "what is known of a job is read from its .hydra; leave it out"
        found.append(Problem(f"hydra.output_subdir={show(written)}", message))
    verbose = OmegaConf.select(cfg, "hydra.verbose")
    if not (isinstance(verbose, bool | str) or OmegaConf.is_list(verbose)):
        message = "must be true, false, or names of loggers"
        found.append(Problem(f"hydra.verbose={show(verbose)}", message))
    return found
