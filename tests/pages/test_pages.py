"""What the source declares has its page, and every link leads somewhere."""

from __future__ import annotations

import re

import pytest
from site_pages import figures
from site_pages.assemble import _joined, assemble
from site_pages.docstrings import documented
from site_pages.keys import keys as all_keys
from site_pages.markdown import anchors, outside_code, table
from site_pages.navigation import listed
from site_pages.places import ROOT, in_tree
from site_pages.programs import programs
from site_pages.relocate import BrokenLink, check, relocated

from analysis.reference import REFERENCES
from pab_bench.config.compose import compose, options
from pab_bench.config.describe import find
from pab_bench.methods.registry import METHODS
from pab_bench.metrics.registry import METRICS
from pab_bench.systems.registry import SYSTEMS
from pab_bench.tasks.registry import TASKS


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("docs/tasks", TASKS),
        ("docs/methods", METHODS),
        ("docs/systems", SYSTEMS),
        ("docs/reference/metrics", METRICS),
    ],
)
def test_every_entry_of_a_registry_has_its_page_and_no_other(folder, names, shown):
    found = {page for page in shown if re.fullmatch(rf"{folder}/\w+\.md", page)}
    assert found == {f"{folder}/{name}.md" for name in (*names, "index")}
    for name in names:
        assert f"]({name}.md)" in shown[f"{folder}/index.md"]


def test_every_figure_has_its_page(shown):
    names = {figure.name for figure in figures.figures()}
    kept = {name for reference in REFERENCES.values() for name in reference.figures}
    assert kept | {"advice", "stable_segment", "flops", "generation"} <= names
    for name in names:
        page = shown[f"docs/reference/figures/{name}.md"]
        assert ("![" in page) == bool(list((ROOT / "results/reference").rglob(f"{name}.png")))


def test_every_model_is_on_the_page_of_its_system(shown):
    for model in options("model"):
        (row,) = re.findall(
            rf"^\| \[`{model}`\]\((\w+)\.md\)", shown["docs/systems/index.md"], re.M
        )
        assert f"| `{model}` |" in shown[f"docs/systems/{row}.md"]


@pytest.mark.parametrize(
    "group", ["preset", "measure", "metrics", "prompts", "parallel", "tracking", "without"]
)
def test_every_option_is_listed(group, shown):
    for option in options(group):
        assert f"| `{option}` |" in shown["docs/reference/options.md"]


def test_every_program_is_told_of(shown):
    found = programs()
    assert {"pab_bench.compare", "pab_bench.verify", "analysis", "analysis.flops"} <= set(found)
    for name in found:
        assert f"## `{name}`" in shown["docs/reference/programs.md"]


def test_keys_are_those_of_the_configuration_with_its_defaults(shown):
    found = {key.name: key for key in all_keys()}
    assert len(found) > 80
    for name, key in found.items():
        find(name)  # Raises where there is no such key.
        assert key.meaning
        assert f"| `{name}` |" in shown["docs/reference/keys.md"]
    settings = compose()
    assert found["spatial_gap"].default == str(settings.method.rules.spatial.gap)
    assert found["speed.precision"].default == str(settings.speed.precision)
    assert found["model.depth"].default == str(settings.model.depth)
    assert found["advise.budget"].default == str(settings.advise.budget)


def test_what_is_written_by_hand_comes_first():
    assert (
        _joined("# By hand\n\nMore.\n", "# Made\n\n## Facts\n")
        == "# By hand\n\nMore.\n\n## Facts\n"
    )


def test_every_page_has_one_title(shown):
    for page, text in shown.items():
        prose: list[str] = []
        outside_code(text, lambda piece, found=prose: found.append(piece) or piece)
        assert len(re.findall(r"^# ", "".join(prose), re.MULTILINE)) == 1, page


def test_links_of_every_page_and_of_readme_lead_somewhere(shown):
    check(shown)


@pytest.mark.parametrize(
    "target", ["no_such_page.md", "numbers.md#no-such-heading", "../no/file.py"]
)
def test_a_broken_link_is_noticed(target, shown):
    with pytest.raises(BrokenLink, match=r"docs/x\.md"):
        check({**shown, "docs/x.md": f"# X\n\n[text]({target})\n"})


def test_links_in_code_are_none():
    check({"docs/x.md": "# X\n\n```text\n[a](nowhere.md)\n```\n"})


def test_links_fit_the_tree():
    text = "[a](../../results/README.md) [b](../numbers.md#quality) [c](#here) [d](https://x.org/y)"
    assert relocated("docs/methods/pab.md", text) == (
        "[a](../results/README.md) [b](../numbers.md#quality) [c](#here) [d](https://x.org/y)"
    )


def test_anchors_are_github_s():
    text = "# The row `a=b`, [linked](x.md)\n\n## Twice\n\n## Twice\n\n```\n# No heading\n```\n"
    assert anchors(text) == {"the-row-ab-linked", "twice", "twice-1"}


def test_cells_cannot_break_a_table():
    assert table(("a",), [("x | y\nz",)]).splitlines()[2] == "| x \\| y z |"


def test_docstrings_are_taken_apart():
    def example() -> None:
        """Do it.

        More.

        Args:
            first: one
                and more.
            second: two.
        """

    found = documented(example)
    assert (found.summary, found.text) == ("Do it.", "More.")
    assert found.entries("Args") == {"first": "one and more.", "second": "two."}
    with pytest.raises(ValueError, match="has no docstring"):
        documented(lambda: None)


def test_the_tree_is_complete(tmp_path, shown):
    found = assemble(tmp_path / "tree")
    assert found == sorted(in_tree(page) for page in shown if page != "README.md")
    for page in found:
        text = (tmp_path / "tree" / page).read_text()
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
            assert ((tmp_path / "tree" / page).parent / picture).is_file(), (page, picture)
        if not listed(page) and not listed(f"docs/{page}"):
            assert text.startswith("---\n")
    assert "tasks/index" in (tmp_path / "tree" / "index.md").read_text()
    assert "\nclaims\n" in (tmp_path / "tree" / "tasks" / "index.md").read_text()


def test_readme_is_two_screens():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110


def test_contributing_names_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for path in (ROOT / "pab_bench").iterdir():
        if (path / "__init__.py").exists():
            assert re.search(rf"\b{path.name}\b", text), path.name
