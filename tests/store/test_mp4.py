import imageio.v3 as imageio
import numpy as np

from pab_bench.store.mp4 import write_mp4


def test_odd_sides_become_even_and_the_picture_stays(tmp_path):
    frames = np.zeros((5, 33, 47, 3), np.uint8)
    frames[:, :, 24:] = 200
    write_mp4(tmp_path / "video.mp4", frames)
    read = imageio.imread(tmp_path / "video.mp4", plugin="FFMPEG")
    assert read.shape == (5, 34, 48, 3)
    assert np.abs(read[:, :33, :20].astype(int)).mean() < 8
    assert np.abs(read[:, :33, 28:47].astype(int) - 200).mean() < 8
