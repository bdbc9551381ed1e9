"""Lists of prompts in the forms in which people have them: read as they are meant, or refused."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.cli import main
from pab_bench.config.prompt_file import LONGEST_PROMPT as LONGEST
from pab_bench.config.prompt_file import prompt_texts
from pab_bench.config.prompt_formats import plain
from pab_bench.config.settings import Settings
from pab_bench.problems import Problems

FIXTURES = Path(__file__).parents[1] / "fixtures" / "prompts"


def read(path: Path | str) -> tuple[list[str], Problems]:
    problems = Problems()
    texts = prompt_texts({"texts": ["a default"], "file": str(path)}, [], problems)
    return texts, problems


def listed(folder: Path, name: str, content: str | bytes) -> list[str]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    texts, problems = read(path)
    assert problems.found == []
    return texts


def refused(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.perf_counter()
    _, problems = read(path)
    assert time.perf_counter() - began < 1
    assert problems.found
    message = "\n".join(map(str, problems.found))
    assert message.startswith(f"prompts.file={path}: ")
    assert len(message) < 2000
    return message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", 'prompt\n"a cat, sitting"\na dog\n', ["a cat, sitting", "a dog"]),
        (
            "a.csv",
            'id,Prompt\r\n1,"a ""big"" cat"\r\n\r\n,\r\n2,a dog\r\n',
            ['a "big" cat', "a dog"],
        ),
        ("a.csv", b"\xef\xbb\xbfprompt,kind\na cat,x\n", ["a cat"]),
        ("a.csv", "a cat\na dog\n", ["a cat", "a dog"]),
        ("a.csv", "prompt;kind\na cat, sitting;x\n", ["a cat, sitting"]),
        ("a.CSV", "text\na cat\n", ["a cat"]),
        ("a.tsv", "kind\tprompt\nx\ta cat, sitting\n", ["a cat, sitting"]),
        ("a.csv", "prompt\n a cat \n", ["a cat"]),
        ("a.json", '["a cat", " a dog "]', ["a cat", "a dog"]),
        ("a.json", '[{"prompt": "a cat"}, {"text": "a dog"}]', ["a cat", "a dog"]),
        ("a.json", '{"x/000-0.mp4": "a cat", "000-1.mp4": "a cat", "b.mp4": "b"}', ["a cat", "b"]),
        (
            "VBench_full_info.json",
            '[{"prompt_en": "a cat", "dimension": ["x"]}, {"prompt_en": "a cat", "dimension": []}]',
            ["a cat"],
        ),
        ("a.jsonl", '"a cat"\n\n{"prompt": "a dog", "id": 3}\n', ["a cat", "a dog"]),
        ("a.txt", "# of mine\n\\# 1 cat\n  a dog \t\n", ["# 1 cat", "a dog"]),
        ("prompts", "a cat, sitting\n", ["a cat, sitting"]),
        ("a.txt", "a cat\r\na dog\ra bird\n", ["a cat", "a dog", "a bird"]),
        ("a.txt", "\ufeffa cat\n\ufeffa dog\n", ["a cat", "a dog"]),
        ("a.txt", "a cat\na dog".encode("utf-16"), ["a cat", "a dog"]),
        ("a.txt", b"\xfe\xff" + "a cat".encode("utf-16-be"), ["a cat"]),
        ("a.txt", "a cat".encode("utf-32"), ["a cat"]),
    ],
)
def test_a_list_is_read(
    name: str, content: str | bytes, expected: list[str], tmp_path: Path
) -> None:
    assert listed(tmp_path, name, content) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "prompt,seed\na cat,0\n", "has seeds beside its prompts ('seed')"),
        ("a.json", '[{"prompt": "a cat", "seed": 1}]', "has seeds beside its prompts"),
        ("a.csv", "prompt\na cat, sitting\n", "line 2 has 2 cells, the header 1"),
        ("a.csv", "x,y\na,b\n", "has no column 'prompt'"),
        ("a.csv", "x,prompt\na,\n", "line 2 has no prompt"),
        ("a.csv", "x,prompt\na\n", "line 2 has no prompt"),
        ("a.csv", 'prompt\n"a cat\n', "line 2: unexpected end of data"),
        ("a.csv", "", "has no line with a prompt"),
        ("a.json", "", "line 1 is no JSON"),
        ("a.json", "[1]", "entry 1 is no text"),
        ("a.json", '{"prompts": ["a"]}', "must be a list of texts, a list of objects"),
        ("a.json", '{"a.mp4": "x", "a.mp4": "y"}', "the key 'a.mp4' stands twice"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.json", '["a", "a"]', "entry 2 repeats entry 1: a"),
        ("a.json", '["\\ud800"]', "entry 1 has the control character U+D800"),
        ("a.jsonl", '"a"\n{"x": 1}\n', "line 2 has no key 'prompt'"),
        ("a.jsonl", "a cat\n", "line 1 is no JSON"),
        ("a.xlsx", b"PK\x03\x04", "must end in one of .txt"),
        ("a.docx", b"PK\x03\x04", "must end in one of .txt"),
        ("a.parquet", b"PAR1", "must end in one of .txt"),
        ("a.pkl", b"\x80\x04", "must end in one of .txt"),
        ("a.txt", b"PK\x03\x04\xff\xfe", "is no text in UTF-8 (line 1)"),
        ("a.txt", b"a\ncaf\xe9\n", "is no text in UTF-8 (line 2)"),
        ("a.txt", "a cat".encode("utf-16-le"), "line 1 has a NUL"),
        ("a.txt", b"\xff\xfea", "is no text in UTF-16"),
        ("a.txt", "a \x1b[31mcat\n", "line 1 has the control character U+001B: a  [31mcat"),
        ("a.txt", "# only comments\n", "has no line with a prompt"),
        ("a.txt", "a\n" + "x" * 10**6, f"line 2 has 1000000 characters, a prompt has at most {LONGEST}"),  # noqa: E501
        ("a.csv", "prompt\n" + "x" * 10**6, "field larger than field limit"),
        ("a.json", f'["{"x" * 10**6}"]', "entry 1 has 1000000 characters"),
        ("a.txt", "a\n" * 1000, "and 994 more of this kind"),
        ("a.txt", b"x" * 17_000_000, "is larger than 16000000 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused(
    name: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    assert message in refused(tmp_path, name, content)


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), min_size=1
        )
        .map(lambda text: " ".join(text.split()))
        .filter(lambda text: bool(text) and not text.startswith(("#", "\\#"))),
        unique=True,
        min_size=1,
    ),
    st.sampled_from(["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1c", "\x1d", "\x1e"]),
)
def test_only_line_ends_part_prompts(texts: list[str], separator: str) -> None:
    joined = [f"a{separator}{text}" for text in texts]
    assert [prompt for _, prompt in plain("\n".join(joined)).prompts] == joined


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", "/dev/zero", tmp_path):
        _, problems = read(path)
        assert "cannot be read: it is " in str(problems.found[0])


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("a cat\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read("~/mine.txt")[0] == ["a cat"]
    _, problems = read("~nobody-of-that-name/mine.txt")
    assert "cannot be read" in str(problems.found[0])


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    for name, content, expected in (
        ("a.txt", "# one\n#two\na cat\n", "2 lines are comments; a prompt that begins with #"),
        ("a.csv", "prompt,kind\na cat,x\n", "not read: kind"),
        ("a.csv", "a cat\n", "no column is named 'prompt': every row is a prompt"),
        ("a.json", '{"0.mp4": "a", "1.mp4": "a"}', "1 of 2 entries repeat a prompt"),
    ):
        (tmp_path / name).write_text(content)
        assert any(expected in notice for notice in read(tmp_path / name)[1].notices)


def test_a_file_with_a_mark_reaches_the_settings(settings_of: Callable[..., Settings]) -> None:
    assert settings_of(f"prompts.file={FIXTURES / 'byte_order_mark.txt'}").prompts == (
        "a small white square moves left quickly over a checkered background",
        "a large white square moves up slowly over a black background",
    )


def test_seeds_of_a_table_are_refused_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["task=plan", f"prompts.file={FIXTURES / 'prompts_with_seeds.csv'}"]) == 2
    shown = capsys.readouterr().err
    assert "has seeds beside its prompts ('seed')" in shown
    assert "Traceback" not in shown
