"""A new method is a file, a yaml and a line: nothing else must know it."""

import json

import pytest

from pab_bench.cli import main
from pab_bench.methods.registry import METHODS

TINY = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=6",
    "metrics.names=[psnr]",
    "record.curves=false",
]
YAML = "name: alternate\nkinds: [spatial]\nfirst: 1\n"


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "method").mkdir(parents=True)
    (tmp_path / "conf" / "method" / "alternate.yaml").write_text(YAML)
    monkeypatch.setitem(METHODS._entries, "alternate", "methods.alternate:Alternate")

    def typed(*arguments):
        return main(["--config-dir", "conf", *arguments, *TINY])

    return typed


def test_it_is_swept_measured_and_kept(command, tmp_path):
    assert command("-m", "method=alternate", "method.first=1,3") == 0
    records = [json.loads(p.read_text()) for p in tmp_path.glob("results/points/*/record.json")]
    assert len(records) == 3
    points = sorted(
        (r for r in records if not r["is_baseline"]), key=lambda r: r["config"]["method"]["first"]
    )
    # Calls 1, 3 and 5 reuse, or 3 and 5, of six.
    assert [r["plan"]["reuse_share"]["spatial"] for r in points] == [3 / 6, 2 / 6]
    assert all(r["plan"]["reuse_share"]["temporal"] == 0 for r in points)
    assert all(r["cost"]["flops_ratio"] < 1 for r in points)
    assert all(r["quality"]["psnr_db"]["value"] < 100 for r in points)
    assert (next(tmp_path.glob("results/sweep/*")) / "report.html").exists()


def test_it_is_planned_without_being_sampled(command, capsys):
    assert command("task=plan", "method=alternate") == 0
    assert "50.0%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("method.first=0", "method.first=0: must be a whole number of at least 1"),
        ("method.first=x", "method.first=x: must be a whole number"),
        ("method.frist=2", "there is no key 'frist' in method (name, kinds, first). Did"),
        ("spatial_gap=2", "spatial_gap=2: is a key of method=pab and has no effect"),
        ("preset=pab236", "preset=pab236: is a key of method=pab and has no effect"),
        ("task=advise", "method=alternate: task=advise finds rules for method=pab"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(command, capsys, override, message):
    assert command("method=alternate", override) == 2
    assert message in capsys.readouterr().err


def test_keys_of_pab_stand_at_the_root(command, capsys):
    assert command("method.spatial_gap=2") == 2
    assert (
        "method.spatial_gap=2: there is no key 'spatial_gap' in method (name)"
        in capsys.readouterr().err
    )


def test_a_method_that_there_is_not(command, capsys):
    assert command("method.name=foo") == 2
    message = f"method.name=foo: must be one of {', '.join(METHODS)}."
    assert message in capsys.readouterr().err
