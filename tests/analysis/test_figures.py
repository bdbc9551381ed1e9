from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import grids
import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
import synthetic
from grids import rule, rules
from matplotlib.figure import Figure

from analysis.comparisons import blocks, components, gaps, objects, thresholds
from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.attention_blocks import attention_blocks
from analysis.figures.attention_difference import attention_difference
from analysis.figures.attention_heatmap import attention_heatmap
from analysis.figures.block_map import block_map
from analysis.figures.cache_memory import cache_memory
from analysis.figures.contact_sheet import amplification, contact_sheet
from analysis.figures.decisions import decisions
from analysis.figures.gap_by_kind import gap_by_kind
from analysis.figures.one_change import one_change
from analysis.figures.quality import quality
from analysis.figures.quality_axis import off_scale
from analysis.figures.schedule import schedule
from analysis.figures.speed import speed
from analysis.figures.threshold_map import threshold_map
from analysis.figures.trade_off import trade_off
from analysis.frames import reuse_shares
from analysis.load import load_sweep

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
    assert "4 videos" in figure.get_suptitle()


def test_attention_difference_of_few_steps() -> None:
    """Of six steps the first segment is one step, which has no difference to another."""
    calls = 6
    curves = synthetic.curves().query("step < @calls")
    for over in ("step", "timestep"):
        figure = attention_difference(curves, calls, over=over)
        texts = [text.get_text() for text in figure.axes[0].texts]
        assert ("first\n15 %" in texts) == (over == "step")
        assert "last\n15 %" in texts


def test_attention_difference_over_timesteps_runs_from_noise_to_image() -> None:
    figure = attention_difference(synthetic.curves(), synthetic.STEPS, over="timestep")
    left = figure.axes[0]
    high, low = left.get_xlim()
    assert high > max(synthetic.TIMESTEPS[1:]) > low
    curves = synthetic.curves().query("kind == 'cross' and timestep == 500")
    line = next(line for line in left.lines if line.get_label() == "Cross")
    place = list(line.get_xdata()).index(500)
    assert line.get_ydata()[place] == pytest.approx(curves["mse"].mean())


def test_the_band_is_over_videos_not_over_blocks() -> None:
    curves = synthetic.curves()
    curves["mse"] = 2.0 ** curves["block"] * (1 + curves["prompt"])
    figure = attention_difference(curves, synthetic.STEPS)
    (band, *_) = figure.axes[0].collections
    height = band.get_paths()[0].vertices[:, 1]
    # Mean over blocks of 1, 2, 4, 8 is 3.75: for the first prompt once, for the second twice.
    assert (height.min(), height.max()) == (pytest.approx(3.75), pytest.approx(7.5))


def test_a_control_is_dashed_and_never_squashes_the_model() -> None:
    curves = synthetic.curves()
    control = curves.assign(mse=curves["mse"].where(curves["kind"] != "cross", 1e-12))
    figure = attention_difference(curves, synthetic.STEPS, control=control)
    assert "same colour, dashed: random weights" in legend(figure)
    assert figure.axes[0].get_ylim()[0] > 1e-4
    assert len(figure.axes[0].lines) == 8


def test_attention_blocks() -> None:
    figure = attention_blocks(synthetic.curves(), synthetic.STEPS, name="tiny")
    assert titles(figure)[:4] == ["Spatial", "Temporal", "Cross", "MLP"]
    spatial = figure.axes[0]
    assert len(spatial.lines) == synthetic.DEPTH + 2
    assert legend(figure) == ["mean of blocks", "median of blocks"]
    means = [np.nanmean(line.get_ydata()) for line in spatial.lines[: synthetic.DEPTH]]
    assert means == sorted(means)  # Every block changes twice as much as the one before.


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


def plans(**gaps: int) -> dict[str, Callable[[], pd.DataFrame]]:
    return {name: partial(synthetic.plan, gap) for name, gap in gaps.items()}


def test_schedule() -> None:
    figure = schedule(plans(S2=2, S4=4))
    assert titles(figure) == ["Spatial", "Temporal", "Cross"]  # MLP is never reused.
    assert legend(figure) == ["computed", "reused"]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["S2\nblock", "S4\nblock"]
    colour = np.array(matplotlib.colors.to_rgb("#0072B2"))
    computed = np.isclose(figure.axes[0].images[0].get_array()[0], colour).all(axis=-1)
    plan = synthetic.plan(2).query("kind == 'spatial' and block == 0")
    np.testing.assert_array_equal(computed, ~plan["reuse"].to_numpy())


def test_schedule_shows_at_most_four_points() -> None:
    figure = schedule(plans(**{str(number): 2 for number in range(9)}), "tiny")
    assert len(figure.axes) == 12
    assert figure.get_suptitle() == "tiny; 4 of 9 points"


def test_schedule_of_nothing() -> None:
    with pytest.raises(NothingToShow, match="reuses"):
        schedule({})


def test_quality(data: SweepData) -> None:
    figure = quality(data.summary, SWEPT, data.metrics, data.videos)
    assert titles(figure) == [
        "PSNR (dB)  ↑ higher is better",
        "SSIM  ↑ higher is better",
        "LPIPS  ↓ lower is better",
        "Temporal flickering  ↑ higher is better",
    ]
    assert xlabels(figure) == {"spatial_gap"}
    assert set(legend(figure)) == {"one video", "mean", "95 % interval", "baseline"}
    psnr, _, lpips, _ = figure.axes
    assert "identical (100 dB)" in [text.get_text() for text in psnr.texts]
    assert psnr.get_ylim()[1] < 50  # Identical videos do not squash the others.
    assert [text.get_text() for text in lpips.texts] == ["no value"]


def test_identical_videos_have_the_cap_that_the_records_name(data: SweepData) -> None:
    assert data.metrics["psnr_db"].cap == 100
    assert data.metrics["ssim"].cap is None
    values = pd.Series([60.0, 40.0])
    facts = replace(data.metrics["psnr_db"], cap=60.0)
    assert off_scale(facts, values).tolist() == [True, False]
    assert off_scale(data.metrics["psnr_db"], values).tolist() == [False, False]
    assert off_scale(facts, values[:1]).tolist() == [False]  # Alone it squashes nothing.
    summary = data.summary.replace({"psnr_db": {100.0: 60.0}})
    psnr = quality(summary, SWEPT, {**data.metrics, "psnr_db": facts}).axes[0]
    assert "identical (60 dB)" in [text.get_text() for text in psnr.texts]


def test_quality_over_labels_if_no_single_number_is_swept(data: SweepData) -> None:
    figure = quality(data.summary, [], data.metrics)
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["S- T- C-", "S2 T2 C6", "S4 T4 C6"]


def test_speed(data: SweepData) -> None:
    figure = speed(data.summary, SWEPT, reuse_shares(data.sweep))
    left, right = figure.axes
    assert xlabels(figure) == {"spatial_gap"}
    assert "2.000x" in [text.get_text() for text in left.texts]
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["Spatial", "Temporal", "Cross", "MLP", "All"]


def test_trade_off(data: SweepData) -> None:
    figure = trade_off(data.summary, SWEPT, data.metrics)
    assert titles(figure) == ["PSNR (dB)  ↑ higher", "SSIM  ↑ higher", "LPIPS  ↓ lower"]
    assert xlabels(figure) == {"speedup  → faster"}
    ssim = [text.get_text() for text in figure.axes[1].texts]
    assert ssim == ["S- T- C-", "S2 T2 C6", "S4 T4 C6"]


def many(data: SweepData, count: int) -> pd.DataFrame:
    row = data.summary.iloc[[1]]
    return pd.concat([row.assign(job=n, rules=f"S{n}", speedup=1 + n / 10) for n in range(count)])


def test_trade_off_of_many_points_has_a_key(data: SweepData) -> None:
    figure = trade_off(many(data, 8), [], data.metrics)
    assert [text.get_text() for text in figure.axes[0].texts] == [str(n) for n in range(8)]
    assert [text.get_text() for text in figure.legends[1].get_texts()][2] == "2:  S2"


def test_trade_off_of_very_many_points_names_its_front(data: SweepData) -> None:
    figure = trade_off(many(data, 60), [], data.metrics)
    assert len(figure.legends) == 1
    assert [text.get_text() for text in figure.axes[0].texts] == ["59"]


def test_contact_sheet() -> None:
    baseline = np.full((16, 4, 4, 3), 250, dtype=np.uint8)
    variant = np.full((16, 4, 4, 3), 255, dtype=np.uint8)
    figure = contact_sheet(baseline, {"S2": lambda: variant}, "a disc")
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert len(axes.images) == 3 * 8
    assert texts[:3] == ["baseline", "frame 0", "frame 2"]
    assert "S2\n|diff| \N{MULTIPLICATION SIGN} 32" in texts
    assert (axes.images[-1].get_array() == 5 * 32).all()
    assert "a disc" in texts


def test_names_in_the_contact_sheet_are_whole() -> None:
    frames = np.zeros((16, 64, 64, 3), np.uint8)
    figure = contact_sheet(frames, {"S2 T4 C6 @100..800": lambda: frames}, "a disc")
    (axes,) = figure.axes
    assert all(text.get_window_extent().x0 >= 0 for text in axes.texts)


def test_contact_sheet_refuses_other_shapes() -> None:
    longer = np.zeros((3, 4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="S2"):
        contact_sheet(np.zeros((2, 4, 4, 3), np.uint8), {"S2": lambda: longer}, "")


def test_amplification() -> None:
    assert amplification([np.zeros((1, 2, 2, 3), np.uint8)]) == 32
    assert amplification([np.full((1, 2, 2, 3), 60, np.uint8)]) == 4


def grid(tmp_path: Path, points: list[tuple[dict[str, object], str]]) -> SweepData:
    return SweepData(load_sweep(grids.write_sweep(tmp_path, points)))


def test_gap_by_kind(tmp_path: Path) -> None:
    ranges = {"spatial": (2, 3), "temporal": (3, 4), "cross": (5, 6)}
    alone = [(rules(**{kind: gap}), "output") for kind, both in ranges.items() for gap in both]
    data = grid(tmp_path, [*alone, (rules(spatial=2, cross=6), "output")])
    figure = gap_by_kind(gaps(data), data.metrics)
    assert legend(figure) == ["Spatial", "Temporal", "Cross"]
    psnr = figure.axes[0]
    assert [axes.get_ylabel() for axes in figure.axes] == ["PSNR (dB)", "SSIM", "LPIPS"]
    assert xlabels(figure) == {"gap (steps)"}
    np.testing.assert_allclose(psnr.lines[0].get_ydata(), data.summary["psnr_db"][:2])
    (low, high) = psnr.collections[0].get_segments()[0][:, 1]
    assert (low, high) == (data.summary["psnr_db_low"][0], data.summary["psnr_db_high"][0])


def test_a_line_over_gaps_has_one_window(tmp_path: Path) -> None:
    wide = [({"spatial": rule(gap)}, "output") for gap in (2, 3, 4)]
    narrow = [({"spatial": rule(gap, 300, 600)}, "output") for gap in (2, 4)]
    data = grid(tmp_path, [*narrow, *wide])
    assert list(gaps(data)["job"]) == [2, 3, 4]


def test_components(tmp_path: Path) -> None:
    whole = {"spatial": 2, "temporal": 4, "cross": 6}
    less = [{k: g for k, g in whole.items() if k != left} for left in whole]
    data = grid(tmp_path, [(rules(**gaps), "output") for gaps in (whole, *less)])
    figure = one_change(components(data), data.metrics)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["without spatial", "without temporal", "without cross", "all"]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == list(data.summary["denoise_s"][[1, 2, 3, 0]])


def test_broadcast_objects_beside_the_original(tmp_path: Path) -> None:
    both = rules(spatial=2, cross=6)
    data = grid(tmp_path, [(both, "scores"), (both, "output"), (rules(spatial=3), "output")])
    figure = one_change(objects(data), data.metrics)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["original", "output", "scores"]
    assert next(bar.get_width() for bar in figure.axes[0].patches) == 10.0
    assert "no value" in [text.get_text() for text in figure.axes[1].texts]


def test_threshold_map(tmp_path: Path) -> None:
    windows = [(100, 800), (100, 600), (300, 800)]
    data = grid(tmp_path, [({"spatial": rule(3, *window)}, "output") for window in windows])
    figure = threshold_map(thresholds(data), data.metrics)
    values = figure.axes[0].images[0].get_array()
    assert values.shape == (2, 2)
    assert values.mask.tolist() == [[False, True], [False, False]]  # 300..600 was not measured.
    assert values[1, 0] == data.summary["psnr_db"][0]
    assert "low threshold (timestep)" in xlabels(figure)


def test_block_map(tmp_path: Path) -> None:
    ranges = [[0, 0], [0, 1], None]
    data = grid(tmp_path, [({"cross": rule(6, block=block)}, "output") for block in ranges])
    figure = block_map(blocks(data), data.metrics)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["0..0", "0..1", "0..3"]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [1, 2, 4]


def test_comparisons_that_a_sweep_does_not_hold(data: SweepData) -> None:
    for find in (gaps, components, objects, thresholds, blocks):
        with pytest.raises(NothingToShow):
            find(data)


def test_cache_memory(tmp_path: Path) -> None:
    data = grid(tmp_path, [(rules(spatial=2), "output"), (rules(spatial=2, cross=6), "output")])
    figure = cache_memory(data.finished)
    assert figure.axes[0].get_xlabel() == "held at once, measured (MiB)"
    assert [bar.get_width() for bar in figure.axes[0].patches] == [1.0, 2.0]


def dynamic_plan(gates: bool = True) -> pd.DataFrame:
    """Three videos: call 1 is left out in all of them, call 2 in the first only."""
    parts = []
    for prompt in range(3):
        part = synthetic.plan(1).assign(prompt=prompt, seed=0, lane=0)
        part["reuse"] = (part["call"] == 1) | ((part["call"] == 2) & (prompt == 0))
        number = part["call"].map(lambda call: np.nan if call == 0 else 0.1 * call - 0.15)
        parts.append(part.assign(gate=number if gates else np.nan))
    return pd.concat(parts)


def test_schedule_of_videos_that_differ_shows_their_share() -> None:
    figure = schedule({"open": dynamic_plan})
    assert legend(figure)[2] == "between: by the share of up to 3 videos and lanes"
    blue = np.array(matplotlib.colors.to_rgb("#0072B2"))
    pale = 1 - 0.22 * (1 - blue)
    colours = figure.axes[0].images[0].get_array()[0, :3]
    np.testing.assert_allclose(colours, [blue, pale, blue + (pale - blue) / 3], atol=1e-9)


def test_decisions_video_by_video() -> None:
    figure = decisions({"teacache": dynamic_plan}, "tiny")
    left, right = figure.axes[:2]
    shares = left.images[0].get_array()
    assert shares.shape[0] == 3
    assert shares[:, :3].tolist() == [[0, 1, 1], [0, 1, 0], [0, 1, 0]]
    assert left.get_yticklabels()[0].get_text() == "0, seed 0"
    assert left.get_ylabel() == "teacache\nvideo"
    lines = [line for line in right.lines if line.get_marker() == "."]
    # The first video left calls 1 and 2 out; the others only call 1. Call 0 has no number.
    assert lines[0].get_xdata()[0] == 3
    assert lines[1].get_xdata()[0] == 2
    assert legend(figure)[2] == "number at a call that computed"
    assert figure.get_suptitle() == "tiny"


def test_decisions_without_numbers_and_of_nothing() -> None:
    figure = decisions({"method": partial(dynamic_plan, gates=False)})
    assert [text.get_text() for text in figure.axes[1].texts] == ["no numbers"]
    with pytest.raises(NothingToShow, match="no method has decided while it sampled"):
        decisions({})
