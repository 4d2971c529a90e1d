"""Which files count as photos, what others are called, and photos that are too large to be read whole."""

import logging

import numpy as np
import pytest
from cvpire.datasets.folder import photo_tree, read_folder, read_photos
from cvpire.errors import InputError
from cvpire.photos import SUFFIXES, formats, load_photo, unread
from PIL import Image, features

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".jpe", ".png", ".tif", ".bmp", ".gif", ".ppm", ".pgm"])
def test_every_installation_reads_these(suffix):
    assert suffix in SUFFIXES


@pytest.mark.parametrize(("part", "suffix"), [("avif", ".avif"), ("jpg_2000", ".jp2"), ("webp", ".webp")])
def test_others_count_where_their_decoder_is_installed(part, suffix):
    assert (suffix in SUFFIXES) == features.check(part)


def test_every_suffix_is_read(tmp_path, noise):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, suffix in enumerate(SUFFIXES):
        if suffix not in (".heic", ".heif", ".hif", ".heics", ".heifs"):
            kind = {".pbm": "1", ".pgm": "L"}.get(suffix, "RGB")
            Image.fromarray(noise).convert(kind).save(
                folder / f"{number}{suffix}", format={".hif": "HEIF", ".avifs": "AVIF"}.get(suffix)
            )

    photos = read_photos(folder)

    assert len(photos) >= 15
    for path in photos.values():
        assert load_photo(path).shape == (24, 40, 3), path


# --- Files that are not read ------------------------------------------------------------------------------------------


def test_files_that_look_like_photos_are_named(tmp_path, noise, monkeypatch):
    monkeypatch.setattr(formats, "READS_HEIC", False)
    monkeypatch.setattr(formats, "SUFFIXES", tuple(suffix for suffix in SUFFIXES if not suffix.startswith(".hei")))
    Image.fromarray(noise).save(tmp_path / "without", "jpeg")
    (tmp_path / "raw.DNG").touch()
    (tmp_path / "phone.HEIC").write_bytes(HEIC)
    (tmp_path / "phone").write_bytes(HEIC)
    for other in ("notes.txt", ".hidden.heic", "film.mov", "truth.json", "a.jpg"):
        (tmp_path / other).write_bytes(b"\0\0\0\x14ftypqt  " if other == "film.mov" else b"{}")

    note = unread(tmp_path.iterdir())

    assert note.startswith("left out 4 files that look like photos and cannot be read by this name (")
    assert "(phone, phone.HEIC, raw.DNG, without)" in note
    assert "pip install pillow-heif" in note
    assert unread([tmp_path / "notes.txt", tmp_path / "film.mov", tmp_path / "a.jpg"]) is None


def test_a_folder_says_what_it_leaves_out(tmp_path, noise):
    for name in ("a-1.png", "a-2.png"):
        Image.fromarray(noise).save(tmp_path / name)
    (tmp_path / "a-3.cr2").touch()
    truth = tmp_path / "truth.json"
    truth.write_text('{"queries": {"a-1": {"relevant": ["a-2"]}}}')

    (note,) = read_folder(tmp_path, truth).notes

    assert "a file that looks like a photo" in note
    assert "a-3.cr2" in note


@pytest.mark.parametrize("read", [read_photos, photo_tree])
def test_a_folder_of_other_formats_only_names_them(tmp_path, read):
    (tmp_path / "a.cr2").touch()

    with pytest.raises(InputError, match=r"no photos.*left out a file that looks like a photo.*a\.cr2"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "not a photo, but a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "a raw photo of a Canon camera"),
        (b"\xff\x0a" + bytes(20), "a JPEG XL photo"),
        (b"<!DOCTYPE html><html>", "not a photo, but a web page"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"%PDF-1.7", "not a photo, but a PDF document"),
        (b"PK\x03\x04" + bytes(20), "not a photo, but a zip archive"),
    ],
)
def test_a_file_that_is_called_jpg_and_is_none_is_called_what_it_is(tmp_path, content, kind):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        load_photo(path)

    assert str(caught.value).startswith(f"{path}: {kind}")


def test_a_heic_called_jpg_is_called_a_heic(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "READS_HEIC", False)
    path = tmp_path / "a.jpg"
    path.write_bytes(HEIC)

    with pytest.raises(InputError, match=r"a\.jpg: a HEIC photo, which needs pillow-heif; `pip install pillow-heif`"):
        load_photo(path)


def test_a_heic_is_read_by_any_name_where_the_package_is_installed(tmp_path, noise):
    pytest.importorskip("pillow_heif").register_heif_opener()
    smooth = np.repeat(np.repeat(noise[:3, :5], 8, axis=0), 8, axis=1)
    for name in ("a.heic", "b.jpg"):
        Image.fromarray(smooth).save(tmp_path / name, "heif", quality=100, chroma=444)

        assert np.abs(load_photo(tmp_path / name).astype(int) - smooth).mean() < 3
    assert list(read_photos(tmp_path)) == ["a", "b"]


# --- Several frames ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_of_an_animation_the_first_frame_is_read_and_said(tmp_path, suffix, caplog):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])

    with caplog.at_level(logging.WARNING):
        first = load_photo(tmp_path / f"a.{suffix}")[4, 4]
    assert np.abs(first.astype(int) - (255, 0, 0)).max() <= 6
    assert "several frames or pages, of which the first is read" in caplog.text


def test_a_jpeg_with_a_second_picture_is_a_jpeg(tmp_path, noise, caplog):
    """As phones write them, with a preview or depth behind the photo."""
    photo = Image.fromarray(noise)
    photo.save(tmp_path / "a.jpg", "mpo", save_all=True, append_images=[photo])
    photo.save(tmp_path / "b.jpg")

    for decoder in ("libjpeg-turbo", "libjpeg-9"):
        one, other = (load_photo(tmp_path / name, decoder) for name in ("a.jpg", "b.jpg"))
        np.testing.assert_array_equal(one, other)
    assert not caplog.text


# --- Large photos -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr("cvpire.photos.MAX_PIXELS", 100_000)
    monkeypatch.setattr("cvpire.photos.MAX_REDUCED", 200_000)


@pytest.fixture
def smooth():
    """480 x 320 pixels, 153,600 in all."""
    rows, columns = np.mgrid[:320, :480]
    return np.stack([rows * 255 // 319, columns * 255 // 479, (rows + columns) * 255 // 798], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_large_photo_is_reduced_while_it_is_read(tmp_path, smooth, mode, suffix, request):
    if (suffix, mode) in (("jpg", "P"), ("jpg", "RGBA"), ("png", "CMYK")):
        pytest.skip("there is none")
    options = {"quality": 95} if suffix == "jpg" else {}
    Image.fromarray(smooth).convert(mode).save(tmp_path / f"a.{suffix}", **options)
    whole = load_photo(tmp_path / f"a.{suffix}", longest_side=60)

    request.getfixturevalue("small_limits")
    reduced = load_photo(tmp_path / f"a.{suffix}", longest_side=60)

    assert reduced.shape == whole.shape == (40, 60, 3)
    assert np.abs(reduced.astype(int) - whole).max() <= (8 if mode == "P" else 5)


def test_a_large_jpeg_is_not_decoded_whole(tmp_path, smooth, small_limits, monkeypatch):
    Image.fromarray(smooth).save(tmp_path / "a.jpg")
    decoded = []
    monkeypatch.setattr("cvpire.photos._reduced", lambda image, factor: decoded.append(image.size) or image)

    assert load_photo(tmp_path / "a.jpg", "libjpeg-9", longest_side=60).shape == (40, 60, 3)
    assert decoded == [(120, 80)]


@pytest.mark.parametrize(("suffix", "side", "factors"), [("png", 60, [4]), ("jpg", 60, []), ("jpg", 80, [])])
def test_what_the_decoder_cannot_reduce_is_reduced_right_after(
    tmp_path, smooth, suffix, side, factors, small_limits, monkeypatch
):
    Image.fromarray(smooth).save(tmp_path / f"a.{suffix}")
    used, original = [], Image.Image.reduce
    monkeypatch.setattr(Image.Image, "reduce", lambda image, factor: used.append(factor) or original(image, factor))
    monkeypatch.setattr(Image.Image, "thumbnail", lambda *_: None)

    assert max(load_photo(tmp_path / f"a.{suffix}", longest_side=side).shape) >= 2 * side
    assert used == factors


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_box_of_a_large_photo_is_in_its_own_pixels(tmp_path, smooth, orientation, request):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=98, exif=exif)
    box = (80, 40, 240, 160)
    whole = load_photo(tmp_path / "a.jpg", longest_side=60, box=box)

    request.getfixturevalue("small_limits")
    reduced = load_photo(tmp_path / "a.jpg", longest_side=60, box=box)

    assert reduced.shape == whole.shape
    assert np.abs(reduced.astype(int) - whole).max() <= 8


def test_the_limit_says_what_to_do(tmp_path, smooth, small_limits):
    Image.fromarray(smooth).save(tmp_path / "a.png")

    for side in (None, 479):
        with pytest.raises(InputError, match=r"480 x 320 pixels, .* longest_side \(--longest-side\) of 387 or less"):
            load_photo(tmp_path / "a.png", longest_side=side)
    assert load_photo(tmp_path / "a.png", longest_side=387).shape == (258, 387, 3)


def test_what_is_larger_still_is_refused_whatever_the_side(tmp_path, small_limits):
    Image.new("RGB", (1000, 300)).save(tmp_path / "a.png")

    with pytest.raises(InputError, match="1000 x 300 pixels; more than 200000 in all are not accepted"):
        load_photo(tmp_path / "a.png", longest_side=32)
