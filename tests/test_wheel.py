"""The wheel carries everything: built, installed into a fresh environment, run from elsewhere."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def call(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_configuration_and_minis(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "pab_bench/conf/config.yaml",
        "pab_bench/sweeps/gap_grid.yaml",
        "pab_bench/methods/calibrated/latte_mini_teacache.json",
        "pab_bench/minis/latte/model_index.json",
        "pab_bench/minis/latte/transformer/diffusion_pytorch_model.safetensors",
        "pab_bench/metrics/weights/alexnet_features.safetensors",
        "analysis/build.py",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "results/", "conf/"))]


@pytest.mark.slow
def test_it_runs_from_a_fresh_environment_in_another_directory(wheel, tmp_path):
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    # The dependencies are large: this environment sees those of the test run, not its pab_bench.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    call(python, "-m", "pip", "install", "--no-deps", "--force-reinstall", "--quiet", wheel)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    origin = call(
        python, "-c", "import pab_bench; print(pab_bench.__file__)", cwd=elsewhere, env=clean
    )
    assert Path(origin.strip()).is_relative_to(environment)
    output = call(
        environment / "bin" / "pab-bench",
        "spatial_gap=2",
        "steps=4",
        "speed.precision=0.5",
        "spatial_threshold=[1,999]",
        "prompts.texts=[a small blue square moves up quickly over a gray background]",
        cwd=elsewhere,
        env=clean,
    )
    assert "S2" in output
    (run,) = (elsewhere / "results" / "single").iterdir()
    assert (run / "figures" / "contact_sheet.png").exists()
