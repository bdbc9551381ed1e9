"""YAML that would grow when it is read is refused before it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pab_bench.config.yaml_growth import check_folder, refuse_growth
from pab_bench.errors import ConfigError

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 20 aliases"),
        ("[" * 500 + "]" * 500, "nested more than 30 deep"),
        ("{a: " * 20_000, "nested more than 30 deep"),
    ],
    ids=["aliases", "lists", "mappings"],
)
def test_what_grows(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(yaml.YAMLError, match=message):
        refuse_growth(text)
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"mine\.yaml: cannot be read: {message}"):
        check_folder(tmp_path)


def test_what_does_not(tmp_path: Path) -> None:
    refuse_growth("a: &a [1, 2]\nb: *a\nc: [[[*a]]]\n")
    (tmp_path / "other.yaml").write_text("no: [yaml")
    check_folder(tmp_path)
