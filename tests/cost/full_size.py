"""The three systems at the size of the paper, and its rules."""

from __future__ import annotations

import json
from pathlib import Path

from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.systems.model import ModelSettings

TABLE1 = json.loads((Path(__file__).parents[1] / "fixtures" / "cost" / "table1.json").read_text())
SYSTEMS = ("latte", "open_sora", "open_sora_plan")
STEPS = {"latte": 50, "open_sora": 30, "open_sora_plan": 150}
DTYPE = {"latte": "float16", "open_sora": "bfloat16", "open_sora_plan": "float16"}
WINDOW = {"latte": (100, 800), "open_sora": (450, 930), "open_sora_plan": (100, 850)}
MLP_KEYS = {
    "latte": (720, 640, 560, 480, 400),
    "open_sora": (864, 788, 676),
    "open_sora_plan": tuple(range(738, 425, -24)),
}
MLP_BLOCKS = {"latte": 5, "open_sora": 5, "open_sora_plan": 7}


def model(system: str) -> ModelSettings:
    """As in conf/model, written out: the cost must not depend on a file being here."""
    repository, frames, height, width = {
        "latte": ("maxin-cn/Latte-1", 16, 512, 512),
        "open_sora": (
            "hpcai-tech/OpenSora-STDiT-v3",
            51,
            480,
            854,
        ),
        "open_sora_plan": (
            "LanguageBind/Open-Sora-Plan-v1.1.0",
            65,
            512,
            512,
        ),
    }[system]
    return ModelSettings(
        name=system,
        system=system,
        path=None,
        repository=repository,
        revision=None,
        depth=28,
        frames=frames,
        height=height,
        width=width,
    )


def paper_rules(system: str, gaps: list[int]) -> Rules:
    blocks = frozenset(range(MLP_BLOCKS[system]))
    mlp = KeyRule(tuple(KeyTime(timestep, 2, blocks) for timestep in MLP_KEYS[system]))
    return Rules(*(GapRule(True, WINDOW[system], gap) for gap in gaps), mlp, mlp)
