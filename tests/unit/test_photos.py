"""Photos of every kind, and files that are none."""

import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.photos import MAX_PIXELS, load_photo, load_variance_map
from PIL import Image

ORIENTATION = 0x0112
DECODERS = ("libjpeg-turbo", "libjpeg-9")

decoders = pytest.mark.parametrize("decoder", DECODERS)

# How the EXIF standard stores an upright picture: which side of it the stored rows and columns begin at.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.fixture(scope="module")
def upright():
    """Coloured blocks without any symmetry, uint8 (24, 40, 3)."""
    colours = np.random.default_rng(0).integers(30, 226, (3, 5, 3))
    return np.kron(colours, np.ones((8, 8, 1))).astype(np.uint8)


def save_jpeg(path, pixels, **options):
    """Write a JPEG that hardly changes the pixels."""
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, "jpeg", **{"quality": 98, "subsampling": 0, **options})
    return path


def oriented(orientation):
    """EXIF data with an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def chunk(name, data):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_size(width, height):
    """A small PNG file that says it is large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def undecodable(monkeypatch):
    """The message of every photo whose pixels are decoded, in place of its pixels."""
    message = "the pixels are decoded"

    def load(image):
        raise OSError(message)

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    return message


def assert_close(result, expected, levels):
    """Compare pixels."""
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= levels


# --- Photos -----------------------------------------------------------------------------------------------------------


@decoders
def test_a_jpeg_is_rgb_of_8_bits_in_rows(tmp_path, upright, decoder):
    result = load_photo(save_jpeg(tmp_path / "a.jpg", upright), decoder)

    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert_close(result, upright, 3)


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp"])
def test_other_formats_are_read(tmp_path, upright, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(upright).save(path, **({"lossless": True} if suffix == "webp" else {}))

    np.testing.assert_array_equal(load_photo(path), upright)


def test_decoders_differ_in_subsampled_chroma_only(tmp_path, upright):
    whole, subsampled = (save_jpeg(tmp_path / f"{i}.jpg", upright, subsampling=i) for i in (0, 2))

    assert_close(load_photo(whole, "libjpeg-turbo"), load_photo(whole, "libjpeg-9"), 1)
    turbo, nine = (load_photo(subsampled, decoder).astype(int) for decoder in DECODERS)
    assert np.abs(turbo - nine).max() > 3
    assert_close(turbo.mean(axis=(0, 1)), nine.mean(axis=(0, 1)), 3)


@decoders
def test_a_grey_jpeg_has_three_equal_channels(tmp_path, upright, decoder):
    path = tmp_path / "grey.jpg"
    Image.fromarray(upright[..., 0]).save(path, quality=98)

    result = load_photo(path, decoder)

    assert_close(result, np.repeat(upright[..., :1], 3, axis=2), 3)
    assert (result == result[..., :1]).all()


@decoders
def test_a_cmyk_jpeg_keeps_its_colours(tmp_path, decoder):
    cmyk = Image.new("CMYK", (32, 16), (0, 255, 255, 0))
    cmyk.paste((255, 0, 0, 51), (16, 0, 32, 16))
    cmyk.save(tmp_path / "cmyk.jpg", quality=98)

    result = load_photo(tmp_path / "cmyk.jpg", decoder)

    assert_close(result[4, 4], np.array([255, 0, 0]), 4)
    assert_close(result[4, 28], np.array([0, 204, 204]), 4)


def test_16_bit_grey_is_scaled_to_8_bits(tmp_path):
    exact = np.arange(256, dtype=np.uint16) * 257
    between = np.array([127, 128, 129, 257 + 128, 257 + 129, 65535 - 128, 65535 - 129], dtype=np.uint16)
    Image.fromarray(np.concatenate([exact, between])[None]).save(tmp_path / "deep.png")

    result = load_photo(tmp_path / "deep.png")

    assert result.shape == (1, 263, 3)
    assert (result == result[..., :1]).all()
    np.testing.assert_array_equal(result[0, :, 0], [*range(256), 0, 0, 1, 1, 2, 255, 254])


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 0, 255, 0])
    for x in range(3):
        image.putpixel((x, 0), x)
    image.save(tmp_path / "palette.png")
    image.save(tmp_path / "transparent.png", transparency=1)

    np.testing.assert_array_equal(load_photo(tmp_path / "palette.png"), [[[10, 20, 30], [200, 100, 50], [0, 255, 0]]])
    np.testing.assert_array_equal(
        load_photo(tmp_path / "transparent.png"), [[[10, 20, 30], [255, 255, 255], [0, 255, 0]]]
    )


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [10, 20, 30, 51]]], dtype=np.uint8)
    grey = np.array([[[100, 255], [100, 0], [100, 51]]], dtype=np.uint8)
    Image.fromarray(rgba, "RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(grey, "LA").save(tmp_path / "la.png")

    # An alpha of 51 is a fifth: 4/5 white and 1/5 colour.
    assert_close(load_photo(tmp_path / "rgba.png"), np.array([[[10, 20, 30], [255, 255, 255], [206, 208, 210]]]), 1)
    assert_close(load_photo(tmp_path / "la.png"), np.repeat([[[100], [255], [224]]], 3, axis=2), 1)


def test_bilevel_photos_are_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bilevel.png")

    np.testing.assert_array_equal(load_photo(tmp_path / "bilevel.png"), [[[255] * 3, [0] * 3]])


@pytest.mark.parametrize("orientation", STORED)
@decoders
def test_every_exif_orientation_gives_the_upright_photo(tmp_path, upright, orientation, decoder):
    stored = STORED[orientation](upright)
    path = save_jpeg(tmp_path / "turned.jpg", stored, exif=oriented(orientation))

    assert_close(load_photo(path, decoder), upright, 3)


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_of_a_png(tmp_path, upright, orientation):
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    image.save(tmp_path / "turned.png", exif=oriented(orientation))

    np.testing.assert_array_equal(load_photo(tmp_path / "turned.png"), upright)


@decoders
def test_name_and_folder_may_hold_any_letters(tmp_path, upright, decoder):
    folder = tmp_path / "Fotos für 東京 'a b'"
    folder.mkdir()
    path = save_jpeg(folder / "Ærøskøbing №1 🏰.jpg", upright)

    assert_close(load_photo(path, decoder), upright, 3)


@decoders
def test_the_content_decides_about_the_format_and_not_the_name(tmp_path, upright, decoder):
    Image.fromarray(upright).save(tmp_path / "really a png.jpg", "png")

    np.testing.assert_array_equal(load_photo(tmp_path / "really a png.jpg", decoder), upright)


# --- Size and box -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "shape"), [(20, (12, 20)), (30, (18, 30)), (40, (24, 40)), (41, (24, 40)), (1000, (24, 40))]
)
@pytest.mark.parametrize("turned", [False, True])
def test_longest_side_reduces_and_never_enlarges(tmp_path, upright, side, shape, turned):
    pixels, expected = (upright.transpose(1, 0, 2), shape[::-1]) if turned else (upright, shape)
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "a.png")

    result = load_photo(tmp_path / "a.png", longest_side=side)

    assert result.shape == (*expected, 3)
    assert_close(result.mean(axis=(0, 1)), upright.mean(axis=(0, 1)), 2)


def test_longest_side_of_an_oriented_photo_is_the_upright_one(tmp_path, upright):
    path = save_jpeg(tmp_path / "a.jpg", STORED[6](upright), exif=oriented(6))

    assert load_photo(path, longest_side=20).shape == (12, 20, 3)


def test_a_narrow_photo_keeps_a_pixel(tmp_path):
    Image.new("RGB", (400, 2), "red").save(tmp_path / "a.png")

    assert load_photo(tmp_path / "a.png", longest_side=20).shape == (1, 20, 3)


def test_box_is_cut_from_the_upright_photo(tmp_path, upright):
    Image.fromarray(upright).save(tmp_path / "a.png")
    Image.fromarray(np.ascontiguousarray(STORED[8](upright))).save(tmp_path / "turned.png", exif=oriented(8))

    for name in ("a.png", "turned.png"):
        result = load_photo(tmp_path / name, box=(5, 3, 20, 17))
        np.testing.assert_array_equal(result, upright[3:17, 5:20])
        assert result.flags.c_contiguous


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        pytest.param((-10, -1, 1000, 900), (0, 24), (0, 40), id="larger than the photo"),
        pytest.param((30, 20, 50, 30), (20, 24), (30, 40), id="over the corner"),
        pytest.param((4.6, 2.4, 10.4, 8.6), (2, 9), (5, 10), id="fractions of pixels"),
        pytest.param((2.5, 4.5, 3.5, 5.5), (4, 6), (2, 4), id="halves of pixels, from an even one"),
    ],
)
def test_box_is_rounded_and_clipped_to_the_photo(tmp_path, upright, box, rows, columns):
    Image.fromarray(upright).save(tmp_path / "a.png")

    np.testing.assert_array_equal(load_photo(tmp_path / "a.png", box=box), upright[slice(*rows), slice(*columns)])


def test_box_from_an_odd_half_pixel_is_not_empty(tmp_path, upright):
    Image.fromarray(upright).save(tmp_path / "a.png")

    assert load_photo(tmp_path / "a.png", box=(1.5, 1.5, 2.5, 2.5)).size > 0


def test_longest_side_scales_with_the_box(tmp_path, upright):
    Image.fromarray(upright).save(tmp_path / "a.png")

    result = load_photo(tmp_path / "a.png", longest_side=20, box=(0, 0, 20, 10))

    assert result.shape == (5, 10, 3), "half of the photo's width has half of the side"


def test_a_tiny_box_of_a_reduced_photo_keeps_a_pixel(tmp_path, upright):
    Image.fromarray(upright).save(tmp_path / "a.png")

    assert load_photo(tmp_path / "a.png", longest_side=16, box=(3, 3, 4, 4)).shape == (1, 1, 3)


@pytest.mark.parametrize("box", [(40, 0, 50, 10), (-9, 0, 0, 10), (0, 24, 10, 30), (10, 10, 10, 20), (20, 5, 10, 9)])
def test_box_without_any_pixel_is_refused(tmp_path, upright, box):
    Image.fromarray(upright).save(tmp_path / "a.png")

    with pytest.raises(InputError, match=r"a\.png: the box \[.*\] lies outside the photo of 40 x 24"):
        load_photo(tmp_path / "a.png", box=box)


# --- Files that are no photos -----------------------------------------------------------------------------------------


def test_threads_do_not_take_the_decoder_from_each_other(tmp_path, monkeypatch):
    """jpeglib chooses a libjpeg for the whole process, and goes back to the one before."""
    import jpeglib

    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / "photo.jpg")
    waits, used, read = iter((0.05, 0.2)), [], jpeglib.read_spatial

    def slow(name):
        time.sleep(next(waits))
        used.append(jpeglib.version.get())
        return read(name)

    monkeypatch.setattr(jpeglib, "read_spatial", slow)
    with jpeglib.version("6b"), ThreadPoolExecutor(2) as pool:
        list(pool.map(load_photo, [tmp_path / "photo.jpg"] * 2, ["libjpeg-9"] * 2))

    assert used == ["9e", "9e"]


def assert_refused(path, text, decoder="libjpeg-turbo"):
    """Check that a photo is refused in one line that begins with its path."""
    with pytest.raises(InputError) as caught:
        load_photo(path, decoder)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert text in message
    assert "\n" not in message


@decoders
def test_missing_photo(tmp_path, decoder):
    assert_refused(tmp_path / "nowhere.jpg", "no such photo", decoder)


def test_a_folder_is_no_photo(tmp_path):
    assert_refused(tmp_path, "cannot be read")


@decoders
@pytest.mark.parametrize("content", [b"", b"this is a text\n" * 20, b"\xff\xd8\xff"], ids=["empty", "text", "stub"])
def test_a_file_of_another_kind_is_no_photo(tmp_path, content, decoder):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    assert_refused(path, "not a photo (no known image format)", decoder)


@decoders
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_truncated_jpeg(tmp_path, decoder, part):
    path = save_jpeg(tmp_path / "a.jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])

    assert_refused(path, "truncated or corrupt photo", decoder)


def test_truncated_png(tmp_path, upright):
    path = tmp_path / "a.png"
    Image.fromarray(upright).save(path)
    path.write_bytes(path.read_bytes()[:-40])

    assert_refused(path, "truncated or corrupt photo")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_damaged_file_is_read_or_refused_and_never_anything_else(tmp_path):
    noise = np.random.default_rng(0)
    photo = Image.fromarray(noise.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    path, refused = tmp_path / "a", 0
    for kind in ("png", "jpeg", "tiff", "bmp", "webp"):
        photo.save(path, kind)
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            for position in noise.integers(0, min(len(data), 400), 3):
                data[position] = noise.integers(0, 256)
            path.write_bytes(data)
            try:
                load_photo(path)
            except InputError:
                refused += 1
    assert refused > 30


@decoders
@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (MAX_PIXELS // 1000 + 1, 1000)])
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, decoder, width, height, undecodable):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_size(width, height))

    with pytest.raises(InputError, match="pixels") as caught:
        load_photo(path, decoder)

    assert str(caught.value).startswith(f"{path}: ")
    assert undecodable not in str(caught.value)
    assert "corrupt" not in str(caught.value)


def test_the_largest_photo_that_is_accepted_is_decoded(tmp_path, undecodable):
    path = tmp_path / "large.png"
    path.write_bytes(png_of_size(MAX_PIXELS // 1000, 1000))

    assert_refused(path, undecodable)


def test_no_other_program_draws_a_photo(tmp_path, upright, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript runs the file"))
    Image.fromarray(upright).save(tmp_path / "a.jpg", "eps")

    assert_refused(tmp_path / "a.jpg", "not a photo, but a PostScript program")
    with pytest.raises(InputError, match="not a variance map"):
        load_variance_map(tmp_path / "a.jpg", upright.shape[:2])


# --- Variance maps ----------------------------------------------------------------------------------------------------


def test_variance_map_from_npy_and_png(tmp_path):
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "map.npy", values)
    np.save(tmp_path / "double.npy", values.astype(np.float64))
    Image.fromarray(np.array([[0, 51, 255]], dtype=np.uint8)).save(tmp_path / "map.png")

    np.testing.assert_array_equal(load_variance_map(tmp_path / "map.npy", (3, 4)), values)
    assert load_variance_map(tmp_path / "double.npy", (3, 4)).dtype == np.float32
    result = load_variance_map(tmp_path / "map.png", (1, 3))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[0, 0.2, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("none.npy", None, "no such variance map"),
        ("none.png", None, "no such variance map"),
        ("text.npy", b"hello", "not a variance map"),
        ("empty.npy", b"", "not a variance map"),
        ("text.png", b"hello", "not a variance map"),
        (
            "shape.npy",
            np.zeros((4, 3)),
            "this variance map does not fit the photo: it has 3 x 4 pixels, the photo is read with 4 x 3",
        ),
        ("channels.npy", np.zeros((3, 4, 3)), "does not fit a photo"),
        ("negative.npy", np.full((3, 4), -0.01), "values outside [0, 1]"),
        ("large.npy", np.full((3, 4), 1.01), "values outside [0, 1]"),
        ("nan.npy", np.full((3, 4), np.nan), "values outside [0, 1]"),
        ("objects.npy", np.full((3, 4), None), "not a variance map"),
        ("words.npy", np.full((3, 4), "a"), "not a variance map"),
        ("bomb.png", png_of_size(100_000, 100_000), "not a variance map"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_variance_map(tmp_path, name, content, text):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)

    with pytest.raises(InputError) as caught:
        load_variance_map(path, (3, 4))

    assert str(caught.value).startswith(f"{path}: ")
    assert text in str(caught.value)


def test_an_archive_is_no_variance_map(tmp_path):
    with (tmp_path / "map.npy").open("wb") as file:
        np.savez(file, np.zeros((3, 4)))

    with pytest.raises(InputError, match="not a variance map"):
        load_variance_map(tmp_path / "map.npy", (3, 4))


def test_a_truncated_variance_map_is_refused(tmp_path):
    path = tmp_path / "map.npy"
    np.save(path, np.zeros((30, 40)))
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(InputError, match="not a variance map"):
        load_variance_map(path, (30, 40))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("(" * 5000, "no header of a numpy array"),
        ("\0", "no header of a numpy array"),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (65536, 65536), }",
            "does not fit the photo: it has 65536 x 65536",
        ),
        ("{'descr': '(9,9)f8', 'fortran_order': False, 'shape': (3, 4), }", "not of numbers"),
    ],
    ids=["nested", "zero", "large", "within"],
)
def test_a_header_of_a_variance_map_that_lies(tmp_path, header, text):
    path = tmp_path / "map.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(96))

    with pytest.raises(InputError) as caught:
        load_variance_map(path, (3, 4))
    assert text in str(caught.value)
