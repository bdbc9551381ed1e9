"""Whatever is in the registry has a configuration with its defaults, and a page that names them."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from pab_bench.methods.base import Acceleration
from pab_bench.methods.registry import METHODS
from pab_bench.systems.call_arguments import CallArguments

ROOT = Path(__file__).parents[2]
NAMES = [name for name in METHODS if name != "pab"]


def configured(name):
    return yaml.safe_load((ROOT / "conf" / "method" / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_its_configuration_has_its_fields_and_their_defaults(name):
    values = configured(name)
    assert values.pop("name") == METHODS.load(name).name == name
    assert values.pop("inside", None) is None
    assert values == {entry.name: written(entry.default) for entry in fields(METHODS.load(name))}


def written(default):
    """A default as a file has it."""
    if isinstance(default, CallArguments):
        return default.values() or None
    return list(default) if isinstance(default, tuple) else default


@pytest.mark.parametrize("name", list(METHODS))
def test_its_page_says_where_it_comes_from_and_what_can_be_set(name):
    page = (ROOT / "docs" / "methods" / f"{name}.md").read_text()
    assert page.startswith(f"# {name}: ")
    for heading in ("Cost: ", "Keys: "):
        assert heading in page
    if name != "pab":
        missing = [key for key in configured(name) if key != "name" and f"`{key}`" not in page]
        assert missing in ([], ["inside"])
    assert f"({name}.md)" in (ROOT / "docs" / "methods" / "index.md").read_text()


@pytest.mark.parametrize("name", list(METHODS))
def test_it_is_a_frozen_dataclass(name):
    kind = METHODS.load(name)
    assert issubclass(kind, Acceleration)
    assert kind.__dataclass_params__.frozen
    assert kind.version >= 1
