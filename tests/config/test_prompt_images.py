"""Pictures beside prompts."""

import json
import pickle
import re
from copy import deepcopy

import pytest
from PIL import Image

from pab_bench.config.prompt_file import prompt_texts
from pab_bench.problems import Problems
from pab_bench.systems.pictures import PicturedPrompt, prompt_identity, read_picture

DOG = '{"prompt": "a dog", "image": "red.png"}'
CAT = '{"prompt": "a cat", "image": "./blue.png"}'


@pytest.fixture
def folder(tmp_path):
    for name, colour in (("red.png", (255, 0, 0)), ("blue.png", (0, 0, 255))):
        Image.new("RGB", (4, 3), colour).save(tmp_path / name)
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def read(folder, name, content):
    path = folder / name
    path.write_text(content)
    problems = Problems()
    texts = prompt_texts({"texts": ["a default"], "file": str(path)}, [], problems)
    return texts, problems


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "prompt,image,style\na dog,red.png,oil\na cat, blue.png ,oil\n"),
        ("p.tsv", "image\tprompt\nred.png\ta dog\nblue.png\ta cat\n"),
        ("p.json", f"[{DOG}, {CAT}]"),
        ("p.jsonl", f"{DOG}\n{CAT}"),
    ],
)  # fmt: skip
def test_paths_are_relative_to_the_file(folder, name, content):
    texts, problems = read(folder, name, content)
    assert problems.found == []
    assert list(map(str, texts)) == ["a dog", "a cat"]
    assert [read_picture(text).getpixel((0, 0)) for text in texts] == [(255, 0, 0), (0, 0, 255)]
    assert problems.notices == (
        [f"prompts.file={folder / name}: not read: style"] if "style" in content else []
    )


def test_one_prompt_with_two_pictures_is_two(folder):
    texts, problems = read(folder, "p.csv", "prompt,image\na dog,red.png\na dog,blue.png\n")
    assert problems.found == []
    assert len(set(texts)) == 2
    texts, problems = read(folder, "p.csv", "prompt,image\na dog,red.png\na dog,red.png\n")
    assert "line 3 repeats line 2" in str(problems.found[0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "prompt,image\na dog,red.png\na cat,\n", "line 3 has no image"),
        ("p.csv", "prompt,image\na dog\n", "line 2 has no image"),
        ("p.csv", "prompt,image\na dog,green.png\n", "line 2: image green.png is no file"),
        ("p.csv", "prompt,image\na dog,text.png\n", "line 2: image .*text.png cannot be read"),
        ("p.csv", "prompt,image\na dog,.\n", "line 2: image .* cannot be read"),
        ("p.json", f'[{DOG}, {{"prompt": "a cat"}}]', "entry 2 has no image"),
        ("p.json", '[{"prompt": "a dog", "image": 5}]', "entry 1: image must be a text"),
    ],
)  # fmt: skip
def test_what_is_no_picture(folder, name, content, message):
    _, problems = read(folder, name, content)
    shown = "\n".join(map(str, problems.found))
    assert shown.startswith(f"prompts.file={folder / name}: ")
    assert re.search(message, shown)


def test_it_is_a_text_that_remembers_its_picture(folder):
    own = PicturedPrompt("a dog", folder / "red.png", "1")
    assert own != "a dog"
    assert own != "a dog"
    assert own == PicturedPrompt("a dog", folder / "elsewhere.png", "1")
    assert own != PicturedPrompt("a dog", folder / "red.png", "2")
    assert type(str(own)) is str
    assert json.loads(json.dumps([own])) == ["a dog"]
    for again in (pickle.loads(pickle.dumps(own)), deepcopy(own)):
        assert again == own
        assert again.path == own.path
    assert prompt_identity(own) == {"text": "a dog", "image": "1"}
    assert prompt_identity("a dog") == "a dog"
    assert read_picture("a dog") is None
