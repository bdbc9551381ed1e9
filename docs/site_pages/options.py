"""The page of presets, sweeps and other options that are named on the command line."""

from __future__ import annotations

from pathlib import Path

from pab_bench.config.paths import CONF, SWEEPS
from site_pages.markdown import block, code, table
from site_pages.yaml_files import ConfigFile, read_folder, shown

_HEAD = ("option", "what", "sets")
_GROUPS = {
    "preset": "Rules by name. Windows and MLP keys are the model's where a preset names none.",
    "without": "Switches one kind off, whatever the preset says.",
    "measure": "How points are sampled and timed.",
    "metrics": "Which [metrics](metrics/index.md) are measured.",
    "parallel": "How ranks that torchrun has started share one video: [how](../parallel.md).",
    "prompts": "Which prompts are sampled.",
    "tracking": "Where results are also sent: [Weights & Biases](../howto/wandb.md).",
}
_LONGEST = 160


def pages() -> dict[str, str]:
    """Write the page."""
    parts = ["# Presets, sweeps and other options"]
    parts.append("`GROUP=OPTION` on the command line; each is a file in `conf/GROUP/`.")
    sweeps = read_folder(SWEEPS)
    parts += ["## Ready sweeps: `+sweeps=`", "Each is a whole experiment: a file in `sweeps/`."]
    parts.append(table(_HEAD, [(code(s.name), s.text, _swept(s)) for s in sweeps]))
    parts.append(block("bash", [file.command for file in sweeps]))
    for group, text in _GROUPS.items():
        files = read_folder(CONF / group)
        parts += [f"## `{group}=`", text, table(_HEAD, [_row(file, group) for file in files])]
        parts.append(block("bash", [file.command for file in files]))
    return {"docs/reference/options.md": "\n\n".join(parts) + "\n"}


def _row(file: ConfigFile, group: str) -> tuple[str, str, str]:
    values = {key: v for key, v in file.values.items() if key not in (group, "name", "defaults")}
    texts = values.get("texts")
    if texts:
        return code(file.name), file.text, f"{len(texts)} prompts"
    return code(file.name), file.text, _short(values)


def _swept(file: ConfigFile) -> str:
    params = file.values.get("hydra", {}).get("sweeper", {}).get("params", {})
    return _short(params)


def _short(values: dict[str, object]) -> str:
    lines = [f"{key}={shown(value)}" for key, value in values.items()]
    whole = " ".join(lines)
    return code(whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]} ...")


def groups() -> list[Path]:
    """The folders of options that the page tells of."""
    return [SWEEPS, *(CONF / group for group in _GROUPS)]
