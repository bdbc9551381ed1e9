from __future__ import annotations

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.figure import Figure

from analysis.errors import NothingToShow
from analysis.figures.attention_difference import attention_difference
from analysis.figures.attention_heatmap import attention_heatmap
from analysis.figures.contact_sheet import amplification, contact_sheet
from analysis.figures.quality import quality
from analysis.figures.schedule import schedule
from analysis.figures.speed import speed
from analysis.figures.trade_off import trade_off
from analysis.frames import directions, reuse_shares, video_metrics
from analysis.points import Sweep
from analysis.summary import summary_frame

SWEPT = ["spatial_gap"]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def titles(figure: Figure) -> list[str]:
    found = [axes.get_title(place) for axes in figure.axes for place in ("left", "center")]
    return [title for title in found if title]


def xlabels(figure: Figure) -> set[str]:
    return {axes.get_xlabel() for axes in figure.axes} - {""}


def test_attention_difference() -> None:
    figure = attention_difference(synthetic.curves(), synthetic.STEPS)
    assert legend(figure) == ["Spatial", "Temporal", "Cross", "MLP"]
    left, right = figure.axes
    assert [axes.get_yscale() for axes in (left, right)] == ["log", "log"]
    assert left.get_ylabel() == "MSE to the previous step"
    assert "energy" in right.get_ylabel()
    assert [text.get_text() for text in left.texts] == ["first\n15 %", "last\n15 %"]
    assert left.child_axes[0].get_xlabel() == "timestep"
    expected = synthetic.curves().query("kind == 'spatial' and tensor == 'ungated'")
    mean = expected.groupby("step")["mse"].mean()
    np.testing.assert_allclose(left.lines[0].get_ydata(), mean)


def test_attention_difference_of_gated_outputs_says_what_has_no_gate() -> None:
    figure = attention_difference(synthetic.curves(), synthetic.STEPS, "gated")
    assert legend(figure) == ["Spatial", "Temporal", "Cross (no gate)", "MLP"]


def test_attention_difference_of_a_tensor_that_was_not_recorded() -> None:
    with pytest.raises(NothingToShow, match="scores"):
        attention_difference(synthetic.curves(), synthetic.STEPS, "scores")


def test_attention_heatmap() -> None:
    curves = synthetic.curves()
    curves.loc[curves["block"] == 0, "mse"] = 0.0  # No colour on a logarithmic scale.
    figure = attention_heatmap(curves, synthetic.STEPS)
    assert titles(figure) == ["Spatial", "Temporal", "Cross", "MLP"]
    assert xlabels(figure) == {"denoising step"}
    image = figure.axes[0].images[0].get_array()
    assert image.shape == (synthetic.DEPTH, synthetic.STEPS - 1)
    assert np.isnan(np.ma.filled(image, np.nan)[0]).all()


def test_schedule() -> None:
    figure = schedule({"off": synthetic.plan(1), "S2": synthetic.plan(2), "S4": synthetic.plan(4)})
    assert titles(figure) == ["Spatial", "Temporal", "Cross"]  # MLP is never reused.
    assert legend(figure) == ["computed", "reused"]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["S2\nblock", "S4\nblock"]
    colour = np.array(matplotlib.colors.to_rgb("#0072B2"))
    computed = np.isclose(figure.axes[0].images[0].get_array()[0], colour).all(axis=-1)
    plan = synthetic.plan(2).query("kind == 'spatial' and block == 0")
    np.testing.assert_array_equal(computed, ~plan["reuse"].to_numpy())


def test_schedule_shows_at_most_four_points() -> None:
    figure = schedule({str(number): synthetic.plan(2) for number in range(9)}, "tiny")
    assert len(figure.axes) == 12
    assert figure.get_suptitle() == "tiny; 4 of 9 points"


def test_schedule_of_nothing() -> None:
    with pytest.raises(NothingToShow, match="reuses"):
        schedule({"off": synthetic.plan(1)})


def test_quality(sweep: Sweep) -> None:
    figure = quality(summary_frame(sweep), SWEPT, directions(sweep), video_metrics(sweep))
    assert titles(figure) == [
        "PSNR (dB)  ↑ higher is better",
        "SSIM  ↑ higher is better",
        "LPIPS  ↓ lower is better",
        "Temporal flickering  ↑ higher is better",
    ]
    assert xlabels(figure) == {"spatial_gap"}
    assert legend(figure) == ["one video", "mean", "baseline"]
    psnr, _, lpips, _ = figure.axes
    assert "identical (100 dB)" in [text.get_text() for text in psnr.texts]
    assert psnr.get_ylim()[1] < 50  # Identical videos do not squash the others.
    assert [text.get_text() for text in lpips.texts] == ["no value"]


def test_quality_over_labels_if_no_single_number_is_swept(sweep: Sweep) -> None:
    figure = quality(summary_frame(sweep), [], directions(sweep))
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["S- T- C-", "S2 T2 C6", "S4 T4 C6"]


def test_speed(sweep: Sweep) -> None:
    figure = speed(summary_frame(sweep), SWEPT, reuse_shares(sweep))
    left, right = figure.axes
    assert xlabels(figure) == {"spatial_gap"}
    assert "2.00x" in [text.get_text() for text in left.texts]
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["Spatial", "Temporal", "Cross", "MLP", "All"]


def test_trade_off(sweep: Sweep) -> None:
    figure = trade_off(summary_frame(sweep), SWEPT, directions(sweep))
    assert titles(figure) == ["PSNR (dB)  ↑ higher", "SSIM  ↑ higher", "LPIPS  ↓ lower"]
    assert xlabels(figure) == {"speedup  → faster"}
    ssim = [text.get_text() for text in figure.axes[1].texts]
    assert ssim == ["S- T- C-", "S2 T2 C6", "S4 T4 C6"]


def test_trade_off_of_many_points_has_a_key(sweep: Sweep) -> None:
    row = summary_frame(sweep).iloc[[1]]
    rows = pd.concat([row.assign(job=n, rules=f"S{n}", speedup=1 + n / 10) for n in range(8)])
    figure = trade_off(rows, [], directions(sweep))
    assert [text.get_text() for text in figure.axes[0].texts] == [str(n) for n in range(8)]
    assert [text.get_text() for text in figure.legends[1].get_texts()][2] == "2:  S2"


def test_contact_sheet() -> None:
    baseline = np.full((16, 4, 4, 3), 250, dtype=np.uint8)
    variant = np.full((16, 4, 4, 3), 255, dtype=np.uint8)
    figure = contact_sheet(baseline, {"S2": variant}, "a disc")
    assert len(figure.axes) == 3 * 8
    assert titles(figure)[:2] == ["frame 0", "frame 2"]
    assert "S2\n|diff| \N{MULTIPLICATION SIGN} 32" in [text.get_text() for text in figure.texts]
    assert (figure.axes[-1].images[0].get_array() == 5 * 32).all()
    assert "a disc" in [text.get_text() for text in figure.texts]


def test_contact_sheet_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="S2"):
        contact_sheet(
            np.zeros((2, 4, 4, 3), np.uint8), {"S2": np.zeros((3, 4, 4, 3), np.uint8)}, ""
        )


def test_amplification() -> None:
    assert amplification([np.zeros((1, 2, 2, 3), np.uint8)]) == 32
    assert amplification([np.full((1, 2, 2, 3), 60, np.uint8)]) == 4
