"""Writes a trained mini in diffusers' layout: `python -m pab_bench.minis.export --work DIR`."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import LattePipeline

from pab_bench.minis.latent_bank import fold_standardisation
from pab_bench.minis.latte_model import build_pipeline, export
from pab_bench.minis.train import load_bank, load_vae
from pab_bench.minis.train_latte import TextToVelocity

DESTINATION = Path(__file__).parent / "latte"


def assemble(work: Path) -> LattePipeline:
    """The pipeline of a work folder's averaged weights, in float32."""
    bank = load_bank(work, torch.device("cpu"), autocast=False, clips=0)
    vae = load_vae(work)
    fold_standardisation(vae, bank.mean, bank.std)
    model = TextToVelocity()
    state = torch.load(work / "latte.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(state["average"])
    return build_pipeline(vae, model.transformer.eval(), model.text_encoder.eval())


def training_facts(work: Path) -> dict[str, float]:
    """Steps and hours of both trainings, for the model card."""
    facts = {}
    for stage in ("vae", "latte"):
        state = torch.load(work / f"{stage}.pt", map_location="cpu", weights_only=True)
        facts[f"{stage}_steps"] = state["step"]
        facts[f"{stage}_hours"] = round(state["seconds"] / 3600, 2)
    return facts


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.export", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the training")
    parser.add_argument("--to", type=Path, default=DESTINATION, help="where the checkpoint goes")
    arguments = parser.parse_args()
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=arguments.to.parent))
    export(assemble(arguments.work), temporary)
    facts = training_facts(arguments.work)
    (temporary / "training.json").write_text(json.dumps(facts, indent=1) + "\n")
    if (card := arguments.to / "README.md").exists():
        shutil.copy(card, temporary / "README.md")
    if arguments.to.exists():
        shutil.rmtree(arguments.to)
    temporary.chmod(0o755)
    temporary.rename(arguments.to)
    size = sum(p.stat().st_size for p in arguments.to.rglob("*") if p.is_file())
    print(f"{arguments.to}: {size / 1e6:.1f} MB, {facts}")


if __name__ == "__main__":
    main()
