"""Points of others beside one's own: kept, completed, and named by where they are from."""

import hashlib
import json
import os

import pytest
from archive.analysis_of import report_of, summary_and_provenance
from archive.building import BASELINE, RECORD, VARIANT, changed, entries_of, with_record

from pab_bench.config.compose import compose
from pab_bench.experiment.time_estimate import earlier_records
from pab_bench.pack.command import main as pack
from pab_bench.store.points import Store
from pab_bench.unpack.command import main


@pytest.fixture
def unpack(tmp_path, capsys):
    """Unpacks into the test's own results and returns what was said."""

    def unpack(path):
        assert main([str(path), "--into", str(tmp_path / "results")]) == 0
        return capsys.readouterr().out

    return unpack


def test_a_point_says_where_it_is_from(archive, unpack, tmp_path):
    assert "3 added" in unpack(archive)
    record = Store(tmp_path / "results").folder(VARIANT) / "record.json"
    (origin,) = json.loads(record.read_text())["provenance"]["archives"]
    unpacked = origin.pop("unpacked")
    assert unpacked.endswith("+00:00")
    assert origin == {
        "archive": "points.pab.tar",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "date": "2026-11-26T00:08:34+00:00",
        "machine": "cpu, AMD EPYC, Linux-6.18.44-fc-v669-x86_64-with-glibc2.36",
    }


def test_tables_and_the_report_say_so_too(archive, unpack, tmp_path):
    unpack(archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:12]
    where = f"points.pab.tar (sha256 {digest}, 2026-11-26T00:08:34+00:00)"
    origins, columns, facts = summary_and_provenance(tmp_path / "results")
    assert origins == [where] * 3
    assert "from" in columns
    assert facts["from archives"].startswith(f"{where}, made on cpu, AMD EPYC")
    page = report_of(tmp_path / "results")
    assert f"<dt>from archives</dt><dd>{where}, made on cpu" in page
    assert f'["{where}","{where}"]' in page


def test_what_was_made_here_is_from_nowhere(results):
    origins, columns, facts = summary_and_provenance(results)
    assert origins == [None] * 3
    assert "from" not in columns
    assert "from archives" not in facts


def test_what_is_there_is_kept(archive, with_videos, unpack, tmp_path):
    unpack(with_videos)
    before = {p: p.read_bytes() for p in (tmp_path / "results").rglob("*") if p.is_file()}
    said = unpack(archive)
    assert f"point {VARIANT} is here already, kept\n" in said
    assert "3 kept" in said
    after = {p: p.read_bytes() for p in (tmp_path / "results").rglob("*") if p.is_file()}
    assert after == before


def test_one_that_has_other_numbers_is_kept_and_told(archive, unpack, tmp_path):
    unpack(archive)
    table = entries_of(archive)[f"points/{BASELINE}/plan.parquet"]
    metrics = entries_of(archive)["points/688cab8a0d9b39b0b2e5/metrics.parquet"]
    assert table != metrics
    other = tmp_path / "other.pab.tar"
    other.write_bytes(changed(archive, {f"points/{VARIANT}/metrics.parquet": metrics}))
    assert f"point {VARIANT} is here already, kept: its numbers are others" in unpack(other)


def test_videos_that_come_later_complete_a_point(archive, with_videos, unpack, tmp_path):
    unpack(archive)
    store = Store(tmp_path / "results")
    assert store.load(VARIANT) is None
    assert "3 completed" in unpack(with_videos)
    assert store.load(VARIANT).id == VARIANT
    assert store.frames(VARIANT, 0, 0).shape == (16, 32, 32, 3)


def test_a_damaged_one_is_replaced(with_videos, unpack, tmp_path):
    unpack(with_videos)
    metrics = Store(tmp_path / "results").folder(VARIANT) / "metrics.parquet"
    metrics.write_bytes(b"damaged")
    assert "1 added, 2 kept" in unpack(with_videos)
    assert Store(tmp_path / "results").load(VARIANT) is not None


def test_nothing_is_written_if_one_point_of_many_is_wrong(archive, tmp_path, capsys):
    wrong = tmp_path / "wrong.pab.tar"
    wrong.write_bytes(with_record(archive, lambda r: r["plan"].pop("digest")))
    assert main([str(wrong), "--into", str(tmp_path / "results")]) == 2
    assert RECORD in capsys.readouterr().err
    assert os.listdir(tmp_path / "results") == []


def test_unpacked_points_are_packed_again_with_their_way(with_videos, unpack, tmp_path):
    unpack(with_videos)
    again = tmp_path / "again.pab.tar"
    assert pack([str(tmp_path / "results"), "--videos", "-o", str(again)]) == 0
    assert main([str(again), "--into", str(tmp_path / "third")]) == 0
    archives = Store(tmp_path / "third").load(VARIANT).archives
    assert [entry["archive"] for entry in archives] == ["videos.pab.tar", "again.pab.tar"]


def test_times_of_another_machine_predict_nothing_here(with_videos, unpack, tmp_path):
    unpack(with_videos)
    settings = compose(
        results_dir=str(tmp_path / "results"), device="cpu", model={"height": 32, "width": 32}
    )
    assert earlier_records(settings) == []


def test_what_is_no_archive(tmp_path, capsys):
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "none", "is not there")):
        assert main([str(path), "--into", str(tmp_path / "results")]) == 2
        assert said in capsys.readouterr().err
