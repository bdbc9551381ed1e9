"""Videos as people have them, with the values that are right."""

from pathlib import Path

import pandas as pd
import pytest

from pab_bench.compare.command import main

FIELD = Path(__file__).parents[1] / "fixtures" / "compare"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("frame_order", {"psnr_db": 100.0, "ssim": 1.0, "temporal_flickering": 0.94925}),
        ("rgba", {"psnr_db": 32.65, "ssim": 0.8717}),
        ("gif", {"psnr_db": 30.72}),
        ("nested", {"psnr_db": 35.03}),
    ],
)
def test_values(case, expected, tmp_path):
    names = [name.removesuffix("_db") for name in expected]
    folders = [str(FIELD / case / side) for side in ("ref", "test")]
    assert main([*folders, "--metrics", *names, "--output", str(tmp_path)]) == 0
    found = pd.read_csv(tmp_path / "summary.csv").set_index("metric")["value"]
    for name, value in expected.items():
        digits = 2 if name == "psnr_db" else 4
        assert found[name] == pytest.approx(value, abs=0.51 * 10**-digits)
