"""Every method, system, metric and decisive package has its papers, and they are cited if used."""

import re
from pathlib import Path

import pytest
import yaml

from pab_bench.cite import papers
from pab_bench.cite.command import main
from pab_bench.cite.references import references
from pab_bench.cite.used import used_in
from pab_bench.experiment.provenance import decisive_versions
from pab_bench.methods.registry import METHODS
from pab_bench.metrics.registry import METRICS
from pab_bench.names import PARALLEL_METHODS
from pab_bench.pack.command import main as pack
from pab_bench.systems.registry import SYSTEMS

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "store"
TABLES = (papers.METHODS, papers.SYSTEMS, papers.METRICS, papers.PACKAGES, papers.PARALLEL)


@pytest.mark.parametrize(
    ("known", "table"),
    [
        (METHODS, papers.METHODS),
        (SYSTEMS, papers.SYSTEMS),
        (METRICS, papers.METRICS),
        (decisive_versions(), papers.PACKAGES),
        (PARALLEL_METHODS, papers.PARALLEL),
    ],
)
def test_whatever_can_be_used_has_a_line(known, table):
    assert set(known) - set(table) == set()


def test_every_line_leads_to_an_entry_and_every_entry_is_led_to():
    named = {key for table in TABLES for keys in table.values() for key in keys}
    assert named == set(references())


@pytest.mark.parametrize("reference", references().values(), ids=lambda r: r.key)
def test_entries_are_whole(reference):
    fields = reference.fields
    assert {"title", "author", "year"} <= set(fields)
    assert re.fullmatch(r"(19|20)\d\d", fields["year"])
    assert reference.key.endswith(reference.key.lstrip("abcdefghijklmnopqrstuvwxyz"))
    assert reference.bibtex.count("{") == reference.bibtex.count("}")
    assert len(fields) == reference.bibtex.count("\n  ")
    kind = reference.bibtex.partition("{")[0]
    where = {"@inproceedings": "booktitle", "@article": "journal", "@misc": "url"}
    assert where[kind] in fields
    if "eprint" in fields:
        assert fields["url"] == f"https://arxiv.org/abs/{fields['eprint']}"
        assert re.fullmatch(r"\d{4}\.\d{5}", fields["eprint"].rjust(10, "0")) or re.fullmatch(
            r"\d{4}\.\d{4}", fields["eprint"]
        )
    assert not set("{}\\") & set(reference.text)


def test_the_file_has_nothing_that_is_not_read():
    text = (ROOT / "pab_bench" / "cite" / "references.bib").read_text(encoding="utf-8")
    assert text.count("\n@") == len(references())


def test_what_was_used_is_cited(capsys):
    assert main([str(FIXTURE)]) == 0
    cited = set(re.findall(r"@\w+\{([\w-]+),", capsys.readouterr().out))
    assert cited == {
        *("pab_bench", "zhao2024pab", "ma2024latte", "song2021ddim"),
        *("ansel2024pytorch", "vonplaten2022diffusers", "wolf2020transformers"),
    }
    assert main([str(FIXTURE), "--format", "text"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(cited)
    assert lines[0] == "- pab_bench contributors. pab_bench 0.1.0 (this program)"
    assert (
        "- Zhao, Xuanlei; Jin, Xiaolong; Wang, Kai; You, Yang. Real-Time Video Generation with "
        "Pyramid Attention Broadcast. arXiv 2408.12588. 2024. https://arxiv.org/abs/2408.12588 "
        "(method pab)"
    ) in lines


def test_archives_are_read_as_folders_are_and_together(tmp_path, capsys):
    archive = tmp_path / "theirs.pab.tar"
    assert pack([str(FIXTURE), "-o", str(archive)]) == 0
    capsys.readouterr()
    cited = []
    for results in ([FIXTURE], [archive], [archive, FIXTURE]):
        assert main([str(path) for path in results]) == 0
        cited.append(capsys.readouterr().out)
    assert "@misc{zhao2024pab" in cited[0]
    assert cited[1:] == cited[:1] * 2


def test_an_archive_that_was_changed_is_refused(tmp_path, capsys):
    archive = tmp_path / "theirs.pab.tar"
    assert pack([str(FIXTURE), "-o", str(archive)]) == 0
    content = bytearray(archive.read_bytes())
    content[content.index(b'"created"') + 15] ^= 1
    archive.write_bytes(content)
    assert main([str(archive)]) == 2
    assert "theirs.pab.tar: " in capsys.readouterr().err


def test_metrics_count_where_they_have_a_value():
    quality = {
        "ssim": {"metric": "ssim", "value": 0.9},
        "lpips": {"metric": "lpips", "value": None},
    }
    assert used_in([{"quality": quality}]).papers == {"wang2004ssim": ["metric ssim"]}


def test_what_is_not_known_is_told_in_one_line():
    record = {"config": {"method": "a\n@misc{x}", "model": {"name": "own", "sampler": "a:B"}}}
    found = used_in([record])
    assert found.papers == {}
    assert found.unknown == ["method a @misc{x}", "model own"]


def test_no_results_are_told(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err


def test_the_citation_file_has_what_the_format_requires():
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(content)
    assert content["cff-version"] == "1.2.0"
    assert content["authors"] == [{"name": "pab_bench contributors"}]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{content["version"]}"' in project
    assert f'license = "{content["license"]}"' in project
    for reference in content["references"]:
        assert {"authors", "title", "type"} <= set(reference)
