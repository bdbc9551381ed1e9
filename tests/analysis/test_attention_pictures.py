"""Pictures of changes: the right frame and block, one scale, and only where they were recorded."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from safetensors.numpy import save_file

from analysis.build import build
from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures import catalog
from analysis.figures.attention_pictures import attention_pictures
from pab_bench.files import write_digests

STEPS = [1, 3, 19]


def maps(*groups: str) -> dict[str, np.ndarray]:
    """Three blocks, three stages, four frames of 2 x 3 tokens; all values differ."""
    shape = (3, len(STEPS), 4, 2, 3)
    own = {
        group: (1 + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)) * 10.0**-place
        for place, group in enumerate(groups)
    }
    return {"steps": np.array(STEPS), "blocks": np.array([0, 2, 3]), **own}


def test_the_middle_block_and_frame_are_shown() -> None:
    found = maps("spatial", "mlp_spatial", "mlp_temporal")
    figure = attention_pictures(found, synthetic.TIMESTEPS, name="tiny")
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 9
    for row, group in enumerate(("spatial", "mlp_spatial", "mlp_temporal")):
        for stage in range(3):
            image = shown[3 * row + stage].images[0]
            np.testing.assert_allclose(image.get_array(), found[group][1, stage, 2])
    assert len({image.norm for axes in shown for image in axes.images}) == 1
    assert [axes.get_ylabel() for axes in shown[::3]] == [
        "Spatial",
        "MLP\nspatial",
        "MLP\ntemporal",
    ]
    heads = [axes.get_title("center") for axes in shown[:3]]
    assert heads == ["step 1\nt = 900", "step 3\nt = 800", "step 19\nt = 0"]
    assert "block 2" in figure.get_suptitle()


def test_the_frame_of_the_video_stands_beside() -> None:
    frames = np.zeros((10, 8, 8, 3), np.uint8) + np.arange(10, dtype=np.uint8)[:, None, None, None]
    figure = attention_pictures(maps("cross"), synthetic.TIMESTEPS, frames)
    assert figure.axes[0].get_title("center") == "frame 6\nof the video"
    assert (figure.axes[0].images[0].get_array() == 6).all()


def test_nothing_that_changes() -> None:
    still = maps("spatial")
    still["spatial"] *= 0
    with pytest.raises(NothingToShow, match="no output ever changes"):
        attention_pictures(still, synthetic.TIMESTEPS)
    with pytest.raises(NothingToShow, match="no maps"):
        attention_pictures(maps(), synthetic.TIMESTEPS)


def test_a_recorded_baseline_has_them(data: SweepData, monkeypatch: pytest.MonkeyPatch) -> None:
    real = catalog.drawings
    monkeypatch.setattr(
        catalog, "drawings", lambda d: [x for x in real(d) if x.name == "attention_pictures"]
    )
    folder = data.sweep.baselines[0].folder
    assert (
        "record.attention_maps" in build(data.sweep.directory).skipped["figures/attention_pictures"]
    )
    save_file(maps("spatial", "cross"), folder / "attention_maps.safetensors")
    write_digests(folder)
    build(data.sweep.directory)
    assert (data.sweep.directory / "figures" / "attention_pictures.png").is_file()
