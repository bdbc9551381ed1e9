"""A trained mini in diffusers' layout: `python -m pab_bench.minis.export NAME --work DIR`."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.minis import latte_model, open_sora_model, open_sora_plan_model, wan_model
from pab_bench.minis.hardware import Hardware
from pab_bench.minis.latent_bank import fold_standardisation
from pab_bench.minis.registry import NAMES
from pab_bench.minis.render import FRAMES
from pab_bench.minis.train import (
    causal_bank,
    load_bank,
    load_causal_vae,
    load_temporal_vae,
    load_vae,
    temporal_latents,
)
from pab_bench.minis.train_wan import load_wan_bank, load_wan_vae
from pab_bench.systems.open_sora_plan.transformer import LatteT2V

STAGES = {
    "latte": ("vae", "latte"),
    "open_sora": ("vae", "temporal_vae", "open_sora"),
    "open_sora_plan": ("vae", "causal_vae", "open_sora_plan"),
    "wan": ("wan_vae", "wan"),
}
_HERE = Hardware(torch.device("cpu"), autocast=False, compiled=False)


def assemble(name: str, work: Path) -> Any:
    """The pipeline of a work folder's averaged weights, in float32."""
    state = torch.load(work / f"{name}.pt", map_location="cpu", weights_only=True)
    if name == "wan":
        wan_vae, encoded = load_wan_vae(work), load_wan_bank(work, _HERE, clips=0)
        wan_vae.register_to_config(
            latents_mean=encoded.mean.tolist(), latents_std=encoded.std.tolist()
        )
        wan = wan_model.WanTraining()
        wan.load_state_dict(state["average"])
        return wan_model.build_pipeline(wan_vae, wan.transformer.eval(), wan.text_encoder.eval())
    if name == "open_sora_plan":
        causal, of_clips = load_causal_vae(work), causal_bank(work, _HERE, clips=0)
        fold_standardisation(causal, of_clips.mean, of_clips.std)
        plan = open_sora_plan_model.build_training()
        plan.load_state_dict(state["average"])
        return open_sora_plan_model.build_pipeline(
            causal.eval(), cast(LatteT2V, plan.transformer.eval()), plan.text_encoder.eval()
        )
    frames = FRAMES if name == "latte" else open_sora_model.FRAMES
    bank = load_bank(work, _HERE, clips=0, frames=frames)
    vae = load_vae(work)
    fold_standardisation(vae, bank.mean, bank.std)
    if name == "latte":
        latte = latte_model.build_training()
        latte.load_state_dict(state["average"])
        return latte_model.build_pipeline(vae, latte.transformer.eval(), latte.text_encoder.eval())
    open_sora = open_sora_model.OpenSoraTraining()
    open_sora.load_state_dict(state["average"])
    _, mean, std = temporal_latents(work, bank)
    return open_sora_model.build_pipeline(
        vae,
        load_temporal_vae(work),
        mean,
        std,
        open_sora.transformer.eval(),
        open_sora.text_encoder.eval(),
    )


def training_facts(name: str, work: Path) -> dict[str, float]:
    """Steps and hours of every stage, for the model card."""
    facts = {}
    for stage in STAGES[name]:
        state = torch.load(work / f"{stage}.pt", map_location="cpu", weights_only=True)
        facts[f"{stage}_steps"] = state["step"]
        facts[f"{stage}_hours"] = round(state["seconds"] / 3600, 2)
    return facts


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.export", description=__doc__)
    parser.add_argument("model", choices=NAMES)
    parser.add_argument("--work", type=Path, required=True, help="folder of the training")
    parser.add_argument("--to", type=Path, help="default: the mini's folder in the package")
    arguments = parser.parse_args()
    target = arguments.to or Path(__file__).parent / arguments.model
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent))
    pipeline = assemble(arguments.model, arguments.work)
    pipeline.to(torch.float16)
    pipeline.save_pretrained(temporary, safe_serialization=True)
    facts = training_facts(arguments.model, arguments.work)
    (temporary / "training.json").write_text(json.dumps(facts, indent=1) + "\n")
    if (card := target / "README.md").exists():
        shutil.copy(card, temporary / "README.md")
    if target.exists():
        shutil.rmtree(target)
    temporary.chmod(0o755)
    temporary.rename(target)
    size = sum(p.stat().st_size for p in target.rglob("*") if p.is_file())
    print(f"{target}: {size / 1e6:.1f} MB, {facts}")


if __name__ == "__main__":
    main()
