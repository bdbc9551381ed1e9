"""What a point lacked is measured when it is there, without sampling anything again."""

import json

import pandas as pd
import pytest
import torch

from pab_bench.config.compose import compose
from pab_bench.experiment import sampling
from pab_bench.experiment.point import make_point
from pab_bench.store.points import Store


class Scaled(torch.nn.Module):
    """Takes what the I3D file takes; its features are the mean colours, times something."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool):
        assert return_features
        assert not rescale
        assert not resize
        return x.mean(dim=(2, 3, 4)) * self.factor


def put(folder, factor):
    folder.mkdir(exist_ok=True)
    torch.jit.script(Scaled(factor)).save(str(folder / "i3d_torchscript.pt"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a small variant with FVD and returns its record."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))

    def run(weights=None, sampled=False):
        if not sampled:

            def refused(*arguments, **options):
                raise AssertionError("sampled again")

            monkeypatch.setattr(sampling, "sample_video", refused)
        settings = compose(
            steps=4,
            spatial_gap=2,
            metrics={"names": ["psnr", "fvd"], "weights": weights},
            record={"videos": False, "curves": False},
            model={"height": 32, "width": 32},
            seeds=[0, 1],
            prompts={"texts": ["a small red circle"]},
            results_dir=str(tmp_path / "results"),
        )
        assert make_point(settings, tmp_path / "run").record.status == "ok"
        records = [
            json.loads(path.read_text())
            for path in (tmp_path / "results").glob("points/*/record.json")
        ]
        assert len(records) == 2
        (record,) = (record for record in records if not record["is_baseline"])
        assert Store(tmp_path / "results").load(record["id"]) is not None
        return record

    return run


def test_missing_metrics_are_measured_when_their_weights_are_there(run, tmp_path):
    before = run(sampled=True)
    missing = before["quality"]["fvd"]
    assert missing["value"] is None
    assert missing["lacking"]
    assert missing["weights_digests"] == {"i3d_torchscript.pt": None}
    assert not before["quality"]["psnr_db"]["lacking"]
    assert run() == before

    folder = tmp_path / "weights"
    put(folder, 1.0)
    with_weights = run(str(folder))
    assert with_weights["id"] == before["id"]
    value = with_weights["quality"]["fvd"]["value"]
    assert value > 0
    unchanged = {**with_weights, "quality": {**with_weights["quality"], "fvd": missing}}
    assert unchanged == before

    # Weights that are gone since change no number; others do.
    assert run() == with_weights
    put(tmp_path / "others", 2.0)
    again = run(str(tmp_path / "others"))
    assert again["quality"]["fvd"]["value"] == pytest.approx(4 * value)
    assert again["quality"]["psnr_db"] == before["quality"]["psnr_db"]
    digests = [record["quality"]["fvd"]["weights_digests"] for record in (with_weights, again)]
    assert digests[0] != digests[1]


def test_rows_of_other_metrics_stay(run, tmp_path):
    record = run(sampled=True)
    store = Store(tmp_path / "results")
    path = store.folder(record["id"]) / "metrics.parquet"
    before = pd.read_parquet(path)
    loaded = store.load(record["id"])
    row = {"prompt": 0, "seed": 0, "metric": "mse", "frame": -1, "value": 5.0}
    store.amend(loaded, [row])
    after = pd.read_parquet(path)
    assert set(before["metric"]) == {"psnr_db", "mse"}
    others = before[before["metric"] != "mse"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after[after["metric"] != "mse"].reset_index(drop=True), others)
    assert after[after["metric"] == "mse"].to_dict("records") == [row]
    assert store.load(record["id"]) == loaded
