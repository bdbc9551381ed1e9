import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from pab_bench.compare.folders import FolderRefused, videos_in
from pab_bench.compare.pairs import find_pairs

ELSEWHERE = Path("/elsewhere")


def video(path, seed=0, frames=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 8, 8, 3), dtype=np.uint8)
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".safetensors":
        save_file({"frames": pixels}, path)
    elif path.suffix:
        path.write_bytes(b"not read here")
    else:
        path.mkdir()
        for number, frame in enumerate(pixels):
            Image.fromarray(frame).save(path / f"{number}.png")
    return path


def names(folder):
    return {name: [p.name for p in ps] for name, ps in videos_in(folder, ELSEWHERE).videos.items()}


def test_videos_at_every_depth_are_called_by_their_paths(tmp_path):
    for name in ("a.mp4", "Latte/a cat-0.mp4", "Latte/b/c.d.MP4", "frames", "x/frames", "v.WebM"):
        video(tmp_path / name)
    assert names(tmp_path) == {
        "a": ["a.mp4"],
        "v": ["v.WebM"],
        "frames": ["frames"],
        "x/frames": ["frames"],
        "Latte/a cat-0": ["a cat-0.mp4"],
        "Latte/b/c.d": ["c.d.MP4"],
    }


def test_what_is_no_video_is_passed_over(tmp_path):
    video(tmp_path / "a.mp4")
    video(tmp_path / ".cache" / "b.mp4")
    for name in (".DS_Store", "Thumbs.db", "._a.mp4", "a.json", "a.jpg", "cover.png"):
        (tmp_path / name).write_bytes(b"x")
    found = videos_in(tmp_path, ELSEWHERE)
    assert list(found.videos) == ["a"]
    assert len(found.others) == 6


def test_thumbnails_beside_videos_are_no_frames(tmp_path):
    video(tmp_path / "Latte" / "a.mp4")
    Image.new("RGB", (8, 8)).save(tmp_path / "Latte" / "a.png")
    assert names(tmp_path) == {"Latte/a": ["a.mp4"]}


def test_lossless_frames_stand_for_their_mp4(tmp_path):
    video(tmp_path / "x" / "0.mp4")
    video(tmp_path / "x" / "0.safetensors")
    video(tmp_path / "x" / "1.mp4")
    video(tmp_path / "x" / "1.npy")
    assert names(tmp_path) == {"x/0": ["0.safetensors"], "x/1": ["1.mp4", "1.npy"]}


def test_links_are_followed_once(tmp_path):
    video(tmp_path / "store" / "a.npy")
    side = tmp_path / "side"
    side.mkdir()
    (side / "linked").symlink_to(tmp_path / "store")
    (side / "b.npy").symlink_to(tmp_path / "store" / "a.npy")
    (side / "again").symlink_to(side)
    assert names(side) == {"b": ["b.npy"], "linked/a": ["a.npy"]}


def test_names_pair_whatever_their_unicode_form_and_suffix(tmp_path):
    name = "café à la crème-0"
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    video(tmp_path / "reference" / f"{forms[0]}.npy")
    video(tmp_path / "test" / f"{forms[1]}.MP4")
    (pair,) = find_pairs(tmp_path / "reference", tmp_path / "test").pairs
    assert (pair.name, pair.prompt, pair.seed) == (forms[0], forms[0][:-2], "0")


def test_one_folder_within_the_other(tmp_path):
    video(tmp_path / "a.npy")
    video(tmp_path / "fast" / "a.npy")
    pairs = find_pairs(tmp_path, tmp_path / "fast")
    assert [pair.name for pair in pairs.pairs] == ["a"]
    assert pairs.refused == {}


@pytest.mark.parametrize("way", ["itself", "link", "dots"])
def test_one_folder_given_twice_is_refused(way, tmp_path):
    folder = tmp_path / "a"
    video(folder / "v.npy")
    (tmp_path / "link").symlink_to(folder)
    other = {"itself": folder, "link": tmp_path / "link", "dots": folder / ".." / "a"}[way]
    with pytest.raises(FolderRefused, match="are the same folder; expected two"):
        find_pairs(folder, other)


def test_a_folder_of_frames_is_no_folder_of_videos(tmp_path):
    video(tmp_path / "frames")
    with pytest.raises(FolderRefused, match="frames of one video, give the folder above it"):
        videos_in(tmp_path / "frames", ELSEWHERE)


def test_many_names_without_a_partner_are_a_short_message(tmp_path):
    for number in range(50):
        video(tmp_path / "reference" / f"a{number}.npy")
        video(tmp_path / "test" / f"b{number}.npy")
    with pytest.raises(FolderRefused, match=r"; and 95 more$") as refused:
        find_pairs(tmp_path / "reference", tmp_path / "test")
    assert "\n" not in str(refused.value)
