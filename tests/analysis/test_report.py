"""The report in a real browser: what a person would do with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import synthetic
from browser import AVAILABLE, Browser

from analysis.data import SweepData
from analysis.load import load_sweep
from analysis.pareto import pareto_front
from analysis.report import videos as report_videos
from analysis.report import write as report_write
from analysis.report.content import report_content
from analysis.report.sprites import LADDER, Quality, kept, sprite
from analysis.report.write import render, write_report
from analysis.tables.layout import MISSING
from analysis.tables.write import TextTable

CELL = "return [...document.querySelectorAll('#points tbody tr')].map(r => r.cells[{}].textContent)"
browser_needed = pytest.mark.skipif(not AVAILABLE, reason="needs chromium and chromedriver")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = synthetic.write_store(tmp_path_factory.mktemp("report") / "results")
    data = SweepData(load_sweep(directory))
    table = TextTable(["method", "dB"], [["<b>S2</b>", "35.0"]], [False, True], ["a note"])
    return write_report(data, {"Beside the paper": table}, [], ["a limit"])


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        found.emulate(1200, 900, "light")
        found.open(page)
        found.wait_for("return document.querySelectorAll('#points tbody tr').length === 4")
        yield found


def test_nothing_is_fetched_and_nothing_is_run_from_the_data(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)
    assert "default-src 'none'" in text
    assert "&lt;b&gt;S2&lt;/b&gt;" in text
    assert "a limit" in text


def test_texts_of_records_cannot_end_the_script(data: SweepData) -> None:
    for job, _ in data.sweep.finished:
        job.baseline.record["prompts"][0] = "</script><script>alert(1)</script>"
    text = render(data, {}, [], [])
    assert "<script>alert" not in text
    assert "\\u003c/script>" in text


def test_the_same_input_gives_the_same_page(data: SweepData) -> None:
    again = SweepData(load_sweep(data.sweep.directory))
    assert render(data, {}, [], []) == render(again, {}, [], [])


def test_failed_points_with_reasons_and_provenance(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "ValueError: spatial_gap: must be at least 1, got 0" in text
    assert "Test CPU, 1 threads" in text
    assert "lpips: no weights" in text


def test_content(data: SweepData) -> None:
    content = report_content(data)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    caps = {axis["name"]: axis["cap"] for axis in content["axes"]}
    assert (caps["psnr_db"], caps["ssim"], caps["speedup"]) == (100, None, None)
    assert {axis["name"] for axis in content["axes"] if axis["kind"] == "quality"} == set(
        data.metrics
    )
    (curve,) = content["curves"]
    line = next(line for line in curve["lines"] if line["kind"] == "cross")
    assert len(line["mean"]) == len(curve["steps"]) == synthetic.STEPS - 1
    assert content["rows"][2]["ends"]["speedup"] == pytest.approx([1.9895, 2.0106], rel=2e-3)
    assert not {"ends", "fault"} & content["rows"][0].keys()
    plan = synthetic.plan(2)
    packed = content["schedules"]["1"]["tables"]
    assert [table["heading"] for table in packed] == ["Spatial", "Temporal", "Cross"]
    assert len(content["schedules"]["1"]["timesteps"]) == plan["call"].nunique()
    assert set(content["videos"]["variants"]) == {"1", "2"}
    assert set(content["videos"]["variants"]["2"]) == {"0-0", "0-1", "1-0", "1-1"}


def test_a_sprite_holds_every_frame() -> None:
    from io import BytesIO

    from PIL import Image

    frames = synthetic.video(0, 0, 1)
    content, facts = sprite(frames, LADDER[0])
    picture = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    for place, frame in enumerate(facts["frames"]):
        line, column = divmod(place, facts["columns"])
        height, width = facts["height"], facts["width"]
        cut = picture[line * height : (line + 1) * height, column * width : (column + 1) * width]
        np.testing.assert_array_equal(cut, frames[frame])


def test_long_and_large_videos_become_small() -> None:
    frames = np.zeros((100, 300, 400, 3), np.uint8)
    _, facts = sprite(frames, Quality(side=200, webp=70, frames=9))
    assert (facts["width"], facts["height"], len(facts["frames"])) == (200, 150, 9)
    assert (facts["frames"][0], facts["frames"][-1]) == (0, 99)
    assert kept(5, 9) == [0, 1, 2, 3, 4]


def test_videos_are_made_worse_until_they_fit(
    data: SweepData, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = report_videos.videos_content(data)
    size = len(json.dumps(best))
    monkeypatch.setattr(report_videos, "BUDGET", size // 4)
    assert len(json.dumps(report_videos.videos_content(data))) < size / 2
    monkeypatch.setattr(report_videos, "BUDGET", 10)
    assert report_videos.videos_content(data) == {}
    assert "videos" not in re.findall(r'<section id="([^"]+)"', render(data, {}, [], []))


@browser_needed
def test_it_loads_without_a_word_of_complaint(browser: Browser) -> None:
    assert browser.log() == []
    shown = browser.run("return [...document.querySelectorAll('section')].map(s => s.id)")
    assert shown[:6] == ["summary", "failed", "trade-off", "videos", "curves", "schedule"]


@browser_needed
def test_a_click_on_a_heading_sorts(browser: Browser) -> None:
    headers = browser.run(
        "return [...document.querySelectorAll('#points th')].map(th => th.textContent)"
    )
    place = headers.index("speedup [95 %]")
    click = f"document.querySelectorAll('#points th button')[{place}].click();"
    browser.run(click)
    cells = ["1.000", "1.250[1.243, 1.257]", "2.000[1.989, 2.011]"]
    assert browser.run(CELL.format(place)) == [*cells, MISSING]
    browser.run(click)
    assert browser.run(CELL.format(place)) == [*reversed(cells), MISSING]  # Missing: last.
    assert (
        browser.run(
            f"return document.querySelectorAll('#points th')[{place}].getAttribute('aria-sort')"
        )
        == "descending"
    )


@browser_needed
def test_the_pointer_over_a_dot_shows_its_grid_point(browser: Browser) -> None:
    browser.move_to("#scatter circle[data-job='1']")
    browser.wait_for("return !document.getElementById('tip').hidden")
    text = browser.run("return document.getElementById('tip').textContent")
    assert "S2 T2 C6" in text
    assert "speedup [95 %]: 1.250 [1.243, 1.257]" in text


@browser_needed
def test_speedups_have_their_intervals_drawn(browser: Browser) -> None:
    ends = "return [...document.querySelectorAll('#scatter .ends')].map(e => e.dataset.job)"
    assert browser.run(ends) == ["1", "2"]  # The baseline has none.
    box = "const {x, width} = document.querySelector(arguments[0]).getBoundingClientRect();"
    place = f"{box} return [x, x + width]"
    (low, high), (left, right) = (
        browser.run(place, f"#scatter {kind}[data-job='2']") for kind in (".ends", ".dot")
    )
    assert low < (left + right) / 2 < high


@browser_needed
def test_the_front_is_that_of_the_figures(browser: Browser, data: SweepData) -> None:
    best = browser.run(
        "return [...document.querySelectorAll('#scatter .dot.best')]"
        ".map(dot => Number(dot.dataset.job))"
    )
    rows = data.finished
    front = pareto_front(list(rows["speedup"]), list(rows["psnr_db"]))
    assert sorted(best) == sorted(rows["job"].iloc[front])


@browser_needed
def test_the_pointer_over_the_curves_shows_their_numbers(browser: Browser) -> None:
    browser.move_to("#curve svg")
    browser.wait_for("return document.getElementById('tip').textContent.startsWith('step')")
    text = browser.run("return document.getElementById('tip').textContent")
    assert re.search(r"step \d+, timestep \d+\nSpatial: [\d.e-]+\nTemporal:", text)


@browser_needed
def test_choosing_a_row_chooses_its_video_and_schedule(browser: Browser) -> None:
    browser.run("document.querySelector('#points tr[data-job=\"1\"]').click()")
    chosen = "return ['video-point', 'schedule-point'].map(id => document.getElementById(id).value)"
    assert browser.run(chosen) == ["1", "1"]
    assert browser.run("return document.querySelectorAll('#schedules canvas').length") == 3


@browser_needed
def test_the_players_show_the_frames_in_step(browser: Browser) -> None:
    browser.run("document.querySelector('#points tr[data-job=\"2\"]').click()")
    browser.run(
        "const s = document.getElementById('video-frame'); s.value = 7;"
        "s.dispatchEvent(new Event('input'))"
    )
    pixels = (
        "const c = document.getElementById('video-' + arguments[0]);"
        "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    browser.wait_for(
        "return ['baseline', 'variant', 'difference'].every("
        "n => document.getElementById('video-' + n).width === 32)"
    )
    for name, gap in (("baseline", 1), ("variant", 4)):
        shown = np.array(browser.run(pixels, name)).reshape(32, 32, 4)[..., :3]
        np.testing.assert_array_equal(shown, synthetic.video(0, 0, gap)[7])
    change = np.abs(synthetic.video(0, 0, 1)[7].astype(int) - synthetic.video(0, 0, 4)[7])
    shown = np.array(browser.run(pixels, "difference")).reshape(32, 32, 4)[..., :3]
    factor = int(browser.run("return document.getElementById('video-factor').textContent")[-2:])
    np.testing.assert_array_equal(shown, np.minimum(change * factor, 255))


@browser_needed
def test_playing_moves_on_and_pausing_stops(browser: Browser) -> None:
    number = "return document.getElementById('video-number').textContent"
    before = browser.run(number)
    browser.run("document.getElementById('video-play').click()")
    browser.wait_for(f"return (() => {{{number}}})() !== {json.dumps(before)}")
    browser.run("document.getElementById('video-play').click()")
    stopped = browser.run(number)
    browser.wait_for("return new Promise(done => setTimeout(() => done(true), 400))")
    assert browser.run(number) == stopped


@browser_needed
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_width_and_theme(browser: Browser, page: Path, width: int, theme: str) -> None:
    browser.emulate(width, 844, theme)
    browser.open(page)
    browser.wait_for("return document.querySelectorAll('#points tbody tr').length === 4")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    light = "return getComputedStyle(document.body).backgroundColor"
    assert (browser.run(light) == "rgb(255, 255, 255)") == (theme == "light")
    assert browser.log() == []


def test_a_full_page_stays_below_what_an_e_mail_takes(data: SweepData) -> None:
    pictures = (report_videos.BUDGET + report_write.FIGURES_BUDGET) * 4 / 3  # As base64.
    rest = len(render(data, {}, [], []).encode()) - len(json.dumps(report_content(data)["videos"]))
    assert pictures + 10 * rest < 25_000_000
