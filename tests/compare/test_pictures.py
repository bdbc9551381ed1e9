import numpy as np
import pytest
from PIL import Image

from pab_bench.compare.pictures import read_picture
from pab_bench.compare.sources import read_video
from pab_bench.compare.video import UnreadableVideo

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
GREY = PICTURE[..., 0]


def saved(image, tmp_path, name="0.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("mode", ["L", "LA", "1", "RGB", "RGBA", "P"])
def test_every_mode_that_loses_nothing(mode, tmp_path):
    if mode == "P":
        image = Image.fromarray(PICTURE // 64 * 64).quantize(256)
        expected = np.asarray(image.convert("RGB"))
        assert len(np.unique(expected.reshape(-1, 3), axis=0)) > 16
    else:
        image = Image.fromarray(PICTURE if "RGB" in mode else GREY).convert(mode)
        grey = GREY if "L" in mode else np.asarray(image).astype(np.uint8) * 255
        expected = PICTURE if "RGB" in mode else np.stack([grey] * 3, axis=-1)
    assert np.array_equal(read_picture(saved(image, tmp_path)), expected)


def with_hole(mode):
    alpha = np.full((8, 10), 255, np.uint8)
    alpha[0, 0] = 254
    image = Image.fromarray(PICTURE if mode == "RGBA" else GREY)
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("mode", ["RGBA", "LA", "palette", "colour key"])
def test_transparency_is_refused(mode, tmp_path):
    if mode == "palette":
        path = saved(Image.fromarray(PICTURE).quantize(8), tmp_path, transparency=0)
    elif mode == "colour key":
        path = saved(
            Image.fromarray(PICTURE), tmp_path, transparency=tuple(map(int, PICTURE[0, 0]))
        )
    else:
        path = saved(with_hole(mode), tmp_path)
    with pytest.raises(UnreadableVideo, match=r"0\.png: has transparent pixels \("):
        read_picture(path)


def test_a_transparent_colour_that_no_pixel_has(tmp_path):
    image = Image.fromarray(np.minimum(PICTURE, 200))
    path = saved(image, tmp_path, transparency=(255, 255, 255))
    assert np.array_equal(read_picture(path), np.asarray(image))


def png_of_16_bits(path):
    import struct
    import zlib

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    lines = b"".join(b"\0" + (line.astype(">u2") * 257).tobytes() for line in PICTURE)
    header = struct.pack(">IIBBBBB", 10, 8, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


@pytest.mark.parametrize("kind", ["grey", "colour", "float"])
def test_more_than_8_bits_are_refused(kind, tmp_path):
    if kind == "colour":
        path = png_of_16_bits(tmp_path / "0.png")
    elif kind == "grey":
        path = saved(Image.fromarray(GREY.astype(np.uint16) * 257), tmp_path)
    else:
        path = saved(Image.fromarray(GREY.astype(np.float32)), tmp_path, "0.tif")
    with pytest.raises(UnreadableVideo, match="more than 8 bits a channel"):
        read_picture(path)


def test_other_colours_and_several_images_are_refused(tmp_path):
    path = saved(Image.fromarray(PICTURE).convert("CMYK"), tmp_path, "0.jpg")
    with pytest.raises(UnreadableVideo, match="is a CMYK image; expected RGB"):
        read_picture(path)
    pages = [Image.fromarray(PICTURE), Image.fromarray(PICTURE)]
    path = saved(pages[0], tmp_path, "0.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UnreadableVideo, match="holds 2 images, expected one frame"):
        read_picture(path)


def test_an_image_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.fromarray(PICTURE), tmp_path, exif=exif)
    assert np.array_equal(read_picture(path), np.rot90(PICTURE, -1))


@pytest.mark.parametrize("kind", ["opaque", "grey", "transparent"])
def test_channels_of_arrays(kind, tmp_path):
    video = np.stack([PICTURE, PICTURE[::-1]])
    if kind == "grey":
        np.save(tmp_path / "v.npy", video[..., :1])
        assert np.array_equal(read_video(tmp_path / "v.npy").frames, video[..., [0, 0, 0]])
        return
    alpha = np.full((2, 8, 10, 1), 255 if kind == "opaque" else 0, np.uint8)
    np.save(tmp_path / "v.npy", np.concatenate([video, alpha], axis=-1))
    if kind == "opaque":
        assert np.array_equal(read_video(tmp_path / "v.npy").frames, video)
    else:
        with pytest.raises(UnreadableVideo, match=r"v\.npy: has transparent pixels \(160 with"):
            read_video(tmp_path / "v.npy")
