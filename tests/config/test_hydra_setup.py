from __future__ import annotations

from pathlib import Path

from hydra.core.object_type import ObjectType

from pab_bench.config.hydra_setup import SweepsSource


def source(root: Path) -> SweepsSource:
    (root / "sweeps" / "deep").mkdir(parents=True)
    (root / "sweeps" / "one.yaml").write_text("a: 1\n")
    (root / "sweeps" / "deep" / "two.yaml").write_text("a: 2\n")
    (root / "results").mkdir()
    (root / "results" / "record.yaml").write_text("a: 3\n")
    (root / "stray.yaml").write_text("a: 4\n")
    return SweepsSource("test", f"pab-sweeps://{root}")


def test_only_sweeps_are_shown(tmp_path: Path) -> None:
    sweeps = source(tmp_path)
    assert sweeps.available()
    assert sweeps.list("", ObjectType.GROUP) == ["sweeps"]
    assert sweeps.list("sweeps", ObjectType.CONFIG) == ["one"]
    assert sweeps.list("results", None) == []
    assert not sweeps.is_config("results/record")
    assert not sweeps.is_config("stray")
    assert sweeps.load_config("sweeps/deep/two").config.a == 2
