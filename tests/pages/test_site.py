"""The site is built, and every warning is an error; it asks nobody for anything."""

import re
import subprocess
import sys

import pytest
from site_pages.places import ROOT


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    command = [sys.executable, "docs/build.py", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "html" / "index.html")
    pages = [path.read_text() for path in (tmp_path / "html").rglob("*.html")]
    assert len(pages) > 100
    loaded = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?:https?:)?//")
    assert [page for page in pages if loaded.search(page)] == []
    equations = (tmp_path / "html/methods/pab.html").read_text()
    assert "<math" in equations
    assert "$$" not in equations
    assert (
        "pab_bench.engine.engine.Engine"
        in (tmp_path / "html/reference/api/engine.html").read_text()
    )
