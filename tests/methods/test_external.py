"""What `method=external` accepts, and what makes two of its points the same."""

from __future__ import annotations

import pytest

from pab_bench.cli import main
from pab_bench.methods.external import External
from pab_bench.problems import InvalidSettings
from pab_bench.systems.call_arguments import CallArguments


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("method.enable=null", "method.enable=null: must name what enables the acceleration"),
        ("method.enable=fast", "method.enable=fast: must be module:function"),
        ("method.enable=a.b:c", "method.enable=a.b:c: there is no module a.b; is it on PYTHONPATH"),
        (
            "method.enable=cache_dit_x:enable_cache",
            "there is no module cache_dit_x; is it on PYTHONPATH",
        ),
        ("method.arguments=[1]", "method.arguments=[1]: must be a mapping such as"),
        ("method.arguments={n:inf}", "must have names of arguments with plain values; wrong: n"),
        ("method.kinds=[sptial]", "method.kinds=sptial: must be one of spatial"),
        ("method.kinds=[]", "method.kinds=[]: must have at least one kind, or be null"),
        ("method.audit=2", "method.audit=2: must be true or false"),
        ("spatial_gap=2", "spatial_gap=2: is a key of method=pab and has no effect"),
        ("measure.parts=true", "measure.parts=true: parts of somebody else's acceleration"),
    ],
)
def test_what_cannot_be_meant(tmp_path, monkeypatch, capsys, override, message):
    monkeypatch.chdir(tmp_path)
    assert main(["method=external", "method.enable=json:loads", override]) == 2
    assert message in capsys.readouterr().err


def test_a_package_that_is_not_here_says_how_to_install_it(monkeypatch):
    import importlib.util

    own = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cache_dit" else own(name)
    )
    for enable in ("cache_dit:enable_cache", "pab_bench.audit.cache_dit:enable_cache"):
        with pytest.raises(InvalidSettings, match="no module cache_dit; pip install cache-dit"):
            External(enable)


def test_other_code_is_another_point(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    for number, code in enumerate(("def f(p): pass\n", "def f(p): return None\n")):
        (tmp_path / f"cache_of_test_{number}.py").write_text(code)
        digests.append(External(f"cache_of_test_{number}:f").settings()["source"])
    assert None not in digests
    assert len(set(digests)) == 2


def test_its_identity_is_plain_and_has_the_arguments():
    own = External("json:loads", CallArguments.of({"threshold": 0.1})).identity(3)
    assert own["method"]["name"] == "external"
    assert own["method"]["arguments"] == '{"threshold": 0.1}'
    assert own["rules"] == {}
