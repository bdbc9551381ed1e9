"""Archives that are not what they say: each is refused, by the name of what is wrong, whole."""

import gzip
import io
import json
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from archive.building import (
    BASELINE,
    RECORD,
    VARIANT,
    archive_sums,
    assemble,
    changed,
    entries_of,
    readdressed,
    tar_with,
    with_record,
)
from safetensors.numpy import save

from pab_bench.archive.blocks import END, header
from pab_bench.archive.reading import open_archive
from pab_bench.archive.staging import stage
from pab_bench.reproduce.settings import CannotBeMade, Here, settings_of
from pab_bench.unpack.command import main

METRICS = f"points/{VARIANT}/metrics.parquet"
VIDEO = f"points/{VARIANT}/videos/000-0.safetensors"


@pytest.fixture
def refused(tmp_path, capsys):
    """Unpacks bytes that must be refused, says why they were, and that nothing was written."""

    def refused(content):
        path = tmp_path / "hostile.pab.tar"
        path.write_bytes(content)
        assert main([str(path), "--into", str(tmp_path / "results")]) == 2
        written = tmp_path / "results"
        assert not written.exists() or list(written.rglob("*")) == []
        return capsys.readouterr().err

    return refused


def test_what_it_is_made_of_is_accepted(archive, tmp_path):
    path = tmp_path / "same.pab.tar"
    path.write_bytes(changed(archive, {}))
    assert path.read_bytes() == archive.read_bytes()
    assert main([str(path), "--into", str(tmp_path / "results")]) == 0


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "content": b""}, "a symbolic link"),
        ({"type": tarfile.LNKTYPE, "linkname": "manifest.json", "content": b""}, "a hard link"),
        ({"type": tarfile.CHRTYPE, "content": b""}, "a device"),
        ({"type": tarfile.BLKTYPE, "content": b""}, "a device"),
        ({"type": tarfile.FIFOTYPE, "content": b""}, "a pipe"),
        ({"type": tarfile.DIRTYPE, "content": b""}, "a folder"),
        ({"name": "x" * 300, "format": tarfile.PAX_FORMAT}, "a pax extension"),
        ({"name": "x" * 300, "format": tarfile.GNU_FORMAT}, "a GNU extension"),
        ({"mode": 0o4755}, "its header is not as pab_bench writes it"),
        ({"uid": 1000}, "its header is not as pab_bench writes it"),
        ({"mtime": 1}, "its header is not as pab_bench writes it"),
        ({"uname": "root"}, "its header is not as pab_bench writes it"),
    ],
)
def test_anything_but_a_regular_file(refused, attributes, said):
    assert said in refused(tar_with(**attributes))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:evil", "is an absolute path"),
        ("\\\\host\\share", "is an absolute path"),
        ("../evil", "leads out of its folder"),
        (f"points/{VARIANT}/../../../evil", "leads out of its folder"),
        (f"points/{VARIANT}/videos/..\\evil", "leads out of its folder"),
        ("points/", "is no name of a file"),
        (f"points/{VARIANT}/evil.py", "is no name of a file"),
        (f"points/{VARIANT}/.record.json", "is no name of a file"),
        (f"points/{VARIANT.upper()}/record.json", "is no name of a file"),
        (f"Points/{VARIANT}/record.json", "is no name of a file"),
        (f"points/{VARIANT}/Record.json", "is no name of a file"),
        (f"points/{VARIANT}//record.json", "is no name of a file"),
        ("weights_digests.json", "is no name of a file"),
        ("timings/../points/x.json", "leads out of its folder"),
    ],
)
def test_names_that_no_file_has(refused, archive, name, said):
    content = assemble({**entries_of(archive), name: b"x"})
    assert f"{name!r} {said}" in refused(content)


def test_the_same_name_twice(refused, archive):
    twice = archive.read_bytes()[: -len(END)]
    entry = header(RECORD, 0)
    assert f"{RECORD}: is there twice" in refused(twice + entry + END)


def test_another_order(refused, archive):
    entries = entries_of(archive)
    last = next(reversed(entries))
    assert "is not in its place" in refused(assemble({last: entries.pop(last), **entries}))


@pytest.mark.parametrize("cut", [1, 512, 1024, 5000, 40_000])
def test_cut_off(refused, archive, cut):
    assert "hostile.pab.tar: " in refused(archive.read_bytes()[:-cut])


def test_something_after_the_end(refused, archive):
    assert "does not end where" in refused(archive.read_bytes() + b"\0")


def test_sizes_that_are_only_claimed(refused, archive):
    name = f"points/{BASELINE}/curves.parquet"
    true = header(name, len(entries_of(archive)[name]))
    claimed = archive.read_bytes().replace(true, header(name, 8**11 - 1))
    assert "more than there are" in refused(claimed)


def test_more_than_wanted(archive, tmp_path, capsys):
    arguments = [str(archive), "--into", str(tmp_path / "results"), "--max-gb", "0.00001"]
    assert main(arguments) == 2
    assert "--max-gb 1e-05" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\0" * 1024, b"\0" * 512, json.dumps({"a": 1}).encode() * 100]
)
def test_no_archive_at_all(refused, content):
    assert "error: " in refused(content)


def test_compressed_ones_cannot_grow(refused, archive):
    assert "not compressed" in refused(gzip.compress(archive.read_bytes()))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("manifest.json", bytes(10**6))
    assert "not compressed" in refused(file.getvalue())


def test_a_checksum_that_does_not_fit_names_the_file(refused, archive):
    entries = entries_of(archive)
    entries[METRICS] = entries[METRICS][:-1] + b"!"
    assert f"{METRICS}: is not what was packed" in refused(assemble(entries))
    del entries[METRICS]
    assert f"{METRICS}: has a checksum and is not there" in refused(assemble(entries))


def test_other_formats(refused, archive):
    manifest = json.loads(entries_of(archive)["manifest.json"])
    newer = json.dumps({**manifest, "version": 2}).encode()
    assert "format version 2; this version of pab_bench reads 1" in refused(
        changed(archive, {"manifest.json": newer})
    )
    for wrong in (
        {**manifest, "format": "other"},
        {**manifest, "more": 1},
        {**manifest, "commands": {"../x": []}},
        {**manifest, "commands": {"0" * 20: ["x"]}},
        {**manifest, "machines": [1]},
        {**manifest, "machines": ["\x1b[2J"]},
        [],
    ):
        content = changed(archive, {"manifest.json": json.dumps(wrong).encode()})
        assert "manifest.json: " in refused(content)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "NaN is no JSON"),
        ("-Infinity", "-Infinity is no JSON"),
        ("1e999", "1e999 is too large"),
        ("1" * 400, "is too large"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('"\\u001b[2J"', "control character"),
        ("true", "peak_cache_bytes: cannot be True"),
    ],
)
def test_json_that_is_no_record(refused, archive, text, said):
    content = with_record(archive, lambda r: r.update(peak_cache_bytes="REPLACED"), text)
    error = refused(content)
    assert said in error or "fields of another kind: peak_cache_bytes" in error
    assert RECORD in error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(id=BASELINE), f"it is the record of point {BASELINE}"),
        (lambda r: r.update(more=1), "fields differ: ['more']"),
        (lambda r: r.pop("plan"), "fields differ: ['plan']"),
        (lambda r: r.update(schema=2), "schema: expected 1, got 2"),
        (lambda r: r.update(status="failed"), "failed point"),
        (lambda r: r["config"].update(steps=5), "its address is another one"),
        (lambda r: r.update(seeds=[1]), "are not those of config"),
        (lambda r: r.update(is_baseline=True), "baseline_id"),
        (lambda r: r["files"].append("../../evil"), "../../evil"),
        (lambda r: r["files"].append("record.json"), "record.json"),
        (lambda r: r["quality"]["psnr_db"].update(value="30"), "quality.psnr_db.value"),
        (lambda r: r["timing"]["denoise_s"].update(median=[]), "timing.denoise_s.median"),
        (lambda r: r["model"].update(name="a\nb"), "model.name"),
        (lambda r: r["inputs"][0].pop("prompt"), "inputs"),
        (lambda r: r["plan"].pop("digest"), "plan.digest: is missing"),
        (lambda r: r["cost"].update(flops_ratio=0), "cost.flops_ratio"),
        (lambda r: r["provenance"].update(archives=[{"archive": 1}]), "provenance.archives.0"),
    ],
)
def test_records_that_were_changed(refused, archive, change, said):
    error = refused(with_record(archive, change))
    assert said in error
    assert RECORD in error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(cache={"dtype": "float2"}), "config.cache"),
        (lambda c: c.update(cache={"more": 1}), "config.cache"),
        (lambda c: c.update(arithmetic=1), "config.arithmetic"),
        (lambda c: c.pop("weights"), "config.weights: is missing"),
        (lambda c: c["rules"].update(spatial={"gap": "2"}), "config.rules.spatial"),
        (lambda c: c["rules"].update(spatial={"gap": 2, "block": [1]}), "config.rules.spatial"),
        (lambda c: c.update(prompts=["another"]), "are not those of config"),
    ],
)
def test_configurations_that_there_are_not(refused, archive, change, said):
    assert said in refused(readdressed(archive, change))


def test_a_record_that_is_missing(refused, archive):
    assert f"points/{VARIANT}/record.json: is missing" in refused(changed(archive, {RECORD: None}))


def test_a_point_that_says_other_checksums_than_the_archive(refused, archive):
    sums = f"points/{VARIANT}/SHA256SUMS"
    entries = entries_of(archive)
    entries[sums] = b"0" * 64 + entries[sums][64:]
    entries["SHA256SUMS"] = archive_sums(entries)
    assert "is not what was written when the point was made" in refused(assemble(entries))


def table(**columns):
    """A parquet file."""
    file = io.BytesIO()
    pd.DataFrame(columns).to_parquet(file, index=False)
    return file.getvalue()


GOOD = {"prompt": [0], "seed": [0], "frame": [0], "metric": ["psnr_db"], "value": [1.0]}


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1 no table at all PAR1",
        table(**{**GOOD, "value": ["high"]}),
        table(**{**GOOD, "prompt": [b"raw"]}),
        table(**{name: GOOD[name] for name in list(GOOD)[:-1]}),
        table(**GOOD, more=[[1, 2]]),
    ],
)
def test_tables_that_are_none(refused, archive, content):
    assert METRICS in refused(changed(archive, {METRICS: content}))


def test_a_table_with_more_rows_than_anyone_has(refused, archive, monkeypatch):
    monkeypatch.setattr("pab_bench.archive.tables.MOST_VALUES", 100)
    many = {name: values * 1000 for name, values in GOOD.items()}
    assert "rows are too many" in refused(changed(archive, {METRICS: table(**many)}))


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 100,
        b"\xff" * 8 + b"{}",
        save({"frames": np.zeros((2, 4, 4, 3), np.float32)}),
        save({"frames": np.zeros((2, 4, 4), np.uint8)}),
        save({"other": np.zeros((2, 4, 4, 3), np.uint8)}),
    ],
)
def test_videos_that_are_none(refused, with_videos, content):
    assert VIDEO in refused(changed(with_videos, {VIDEO: content}))


def test_timings_that_are_none(refused, archive):
    name = f"timings/{'0' * 20}.json"
    for content in (b"{}", b"[]", b'{"sha256": 1}', b"NaN"):
        assert name in refused(changed(archive, {name: content}))


def test_code_that_a_record_names_is_never_imported(archive, tmp_path):
    """Sampling again takes its sampler from the package, whatever a record says."""
    content = readdressed(archive, lambda config: config["model"].update(sampler="evil:Sampler"))
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    (tmp_path / "hostile.pab.tar").write_bytes(content)
    (tmp_path / "staged").mkdir()
    staged = stage(open_archive(tmp_path / "hostile.pab.tar"), tmp_path / "staged")
    (own,) = [r for r in staged.records.values() if r.config["model"]["sampler"] == "evil:Sampler"]
    with pytest.raises(CannotBeMade, match="is no part of pab_bench"):
        settings_of(own, Here(tmp_path / "here"))
