"""Colours by what a photo says of them, and values of more than 8 bits."""

import io
import logging
import struct

import numpy as np
import pytest
from cvpire.config import PhotoOptions, QualityOptions
from cvpire.errors import InputError
from cvpire.photos import load_photo
from cvpire.photos.profiles import _ADOBE, _BT709, _D65, _P3, matrix_profile
from cvpire.quality.compare import quality_rows
from cvpire.retrieval.describing import reader
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

ADOBE = matrix_profile(_D65, _ADOBE, (563 / 256,))
P3 = matrix_profile(_D65, _P3)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOUR = (60, 180, 90)


def save(path, colour, mode="RGB", **options):
    Image.new(mode, (16, 8), colour).save(path, **options)
    return path


def pixel(path, **options):
    return load_photo(path, **options)[4, 8].astype(int)


def png(path, colour, *chunks, mode="RGB", **options):
    """Write a PNG with further chunks before its pixels."""
    info = PngImagePlugin.PngInfo()
    for name, content in chunks:
        info.add(name, content)
    return save(path, colour, mode, pnginfo=info, **options)


def points(white, primaries):
    return struct.pack(">8I", *(round(100_000 * value) for value in (*white, *primaries)))


def gamma(value):
    return b"gAMA", struct.pack(">I", round(100_000 * value))


def srgb_to(primaries, curve):
    """COLOUR in another space with the same white, by matrices in float64."""

    def matrix(xy):
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in np.reshape(xy, (3, 2))]).T
        white = np.array([_D65[0] / _D65[1], 1, (1 - sum(_D65)) / _D65[1]])
        return columns * np.linalg.solve(columns, white)

    linear = ((np.array(COLOUR) / 255 + 0.055) / 1.055) ** 2.4
    return np.rint(255 * curve(np.linalg.solve(matrix(primaries), matrix(_BT709) @ linear)))


def srgb_curve(linear):
    return 1.055 * linear ** (1 / 2.4) - 0.055


# --- Profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize(
    ("profile", "primaries", "curve"),
    [(ADOBE, _ADOBE, lambda linear: linear ** (256 / 563)), (P3, _P3, srgb_curve)],
    ids=["Adobe RGB", "Display P3"],
)
def test_an_embedded_profile_is_converted_to_srgb(tmp_path, suffix, profile, primaries, curve):
    stored = tuple(int(value) for value in srgb_to(primaries, curve))
    options = {"lossless": True} if suffix == "webp" else {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    path = save(tmp_path / f"a.{suffix}", stored, icc_profile=profile, **options)

    for decoder in ("libjpeg-turbo", "libjpeg-9"):
        assert np.abs(pixel(path, decoder=decoder) - COLOUR).max() <= 2
    assert np.abs(pixel(path, profile="ignore") - stored).max() <= (2 if suffix == "jpg" else 0)


def test_a_photo_that_is_srgb_already_keeps_its_values(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", icc_profile=SRGB)
    Image.fromarray(noise[..., 0]).save(tmp_path / "grey.png", icc_profile=SRGB)

    np.testing.assert_array_equal(load_photo(tmp_path / "a.png"), noise)
    np.testing.assert_array_equal(load_photo(tmp_path / "grey.png")[..., 1], noise[..., 0])


def test_colours_that_srgb_lacks_go_to_its_edge_and_the_others_stay(tmp_path):
    """Relative colorimetric: perceptual profiles of tables would move all of them."""
    green = pixel(save(tmp_path / "a.png", (0, 255, 0), icc_profile=ADOBE))

    assert green[1] == 255 and green[0] == 0
    for level in (0, 40, 128, 255):
        grey = pixel(save(tmp_path / "b.png", (level,) * 3, icc_profile=P3))
        assert np.abs(grey - level).max() <= 1


def test_a_transparent_photo_is_converted_before_white_shows_through(tmp_path):
    path = save(tmp_path / "a.png", (*[int(v) for v in srgb_to(_P3, srgb_curve)], 51), "RGBA", icc_profile=P3)

    assert np.abs(pixel(path) - (255 * 0.8 + 0.2 * np.array(COLOUR))).max() <= 2


def test_a_palette_has_a_profile_too(tmp_path):
    image = Image.new("P", (16, 8), 1)
    image.putpalette([0, 0, 0, *(int(value) for value in srgb_to(_P3, srgb_curve))])
    image.save(tmp_path / "a.png", icc_profile=P3)

    assert np.abs(pixel(tmp_path / "a.png") - COLOUR).max() <= 2


def grey_profile(power):
    """An ICC profile of grey with a gamma."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    tags[b"kTRC"] = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(256 * power))
    return icc(b"GRAY", b"mntr", b"XYZ ", tags)


def icc(space, kind, connection, tags):
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content
    white = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x", start + len(body), 0x02400000, kind, space, connection, b"acsp", white
    )
    return head + struct.pack(">I", len(tags)) + table + body


def cmyk_profile():
    """An ICC profile of four inks: a table of two points a side, in which K alone counts and yields a bluish grey."""
    luts = struct.pack(">4B", 4, 3, 2, 0) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    straight = bytes(range(256))
    # Lightness falls with K, the last and fastest axis; (L, a, b) as 8 bits: 128 is no colour.
    nodes = b"".join(bytes([255 if node % 2 == 0 else 0, 128, 128 if node % 2 == 0 else 118]) for node in range(16))
    return icc(b"CMYK", b"prtr", b"Lab ", {b"A2B0": b"mft1\0\0\0\0" + luts + 4 * straight + nodes + 3 * straight})


def test_a_grey_profile(tmp_path):
    path = save(tmp_path / "a.png", 128, "L", icc_profile=grey_profile(1.0))

    assert np.abs(pixel(path) - 188).max() <= 1, "half of the light is 188 in sRGB"
    assert (pixel(path, profile="ignore") == 128).all()


def test_a_cmyk_profile(tmp_path):
    path = save(tmp_path / "a.tif", (0, 0, 0, 128), "CMYK", icc_profile=cmyk_profile())
    jpeg = save(tmp_path / "a.jpg", (0, 0, 0, 128), "CMYK", icc_profile=cmyk_profile(), quality=100)

    for photo in (path, jpeg):
        _, green, blue = pixel(photo)
        assert blue > green + 5, "the profile's inks are bluish"
        assert 100 < green < 140, "half of the lightness"
    assert np.abs(pixel(path, profile="ignore") - 127).max() <= 1


@pytest.mark.parametrize(
    "profile", [b"no profile", ADOBE[:200], grey_profile(2.2)], ids=["text", "cut", "of other colours"]
)
def test_a_profile_that_cannot_be_used_is_a_warning_and_srgb(tmp_path, profile, caplog):
    path = save(tmp_path / "a.png", COLOUR, icc_profile=profile)

    with caplog.at_level(logging.WARNING):
        assert (pixel(path) == COLOUR).all()
    assert f"{path}: what it says of its colours cannot be used" in caplog.text
    caplog.clear()
    pixel(path, profile="ignore")
    assert not caplog.text


def test_a_jpeg_that_lost_a_part_of_its_profile(tmp_path, caplog):
    path = save(tmp_path / "a.jpg", COLOUR, icc_profile=ADOBE, quality=100)
    path.write_bytes(path.read_bytes().replace(b"ICC_PROFILE\0\x01\x01", b"ICC_PROFILE\0\x01\x02"))

    assert np.abs(pixel(path) - COLOUR).max() <= 2
    assert "damaged or incomplete" in caplog.text


def test_a_camera_that_says_adobe_rgb_without_a_profile(tmp_path):
    stored = tuple(int(value) for value in srgb_to(_ADOBE, lambda linear: linear ** (256 / 563)))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    path = save(tmp_path / "a.jpg", stored, exif=exif, quality=100, subsampling=0)

    assert np.abs(pixel(path) - COLOUR).max() <= 3
    assert np.abs(pixel(path, profile="ignore") - stored).max() <= 2


def test_lab_is_converted_whatever_the_option(tmp_path):
    source = Image.new("RGB", (16, 8), COLOUR)
    lab = ImageCms.profileToProfile(
        source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "a.tif")

    for profile in ("convert", "ignore"):
        assert np.abs(pixel(tmp_path / "a.tif", profile=profile) - COLOUR).max() <= 3


def test_retrieval_and_quality_read_by_the_option(tmp_path):
    path = save(tmp_path / "a.png", COLOUR, icc_profile=ADOBE)
    plain = save(tmp_path / "b.png", COLOUR)

    for profile in ("convert", "ignore"):
        options = PhotoOptions(profile=profile)
        np.testing.assert_array_equal(reader(options)(path), load_photo(path, profile=profile))
        (row,) = quality_rows(path, [plain], options, QualityOptions())
        assert (row["ciede2000"] > 2) == (profile == "convert")


# --- Chunks of a PNG --------------------------------------------------------------------------------------------------


def test_gamma_of_a_png(tmp_path):
    assert np.abs(pixel(png(tmp_path / "a.png", (128,) * 3, gamma(1.0))) - 188).max() <= 1
    assert np.abs(pixel(png(tmp_path / "grey.png", 128, gamma(1.0), mode="L")) - 188).max() <= 1
    assert (pixel(tmp_path / "a.png", profile="ignore") == 128).all()


@pytest.mark.parametrize("value", [0.45455, 0.46])
def test_the_gamma_of_srgb_changes_nothing(tmp_path, value):
    assert (pixel(png(tmp_path / "a.png", COLOUR, gamma(value), (b"cHRM", points(_D65, _BT709)))) == COLOUR).all()


def test_chromaticities_of_a_png(tmp_path):
    stored = tuple(int(value) for value in srgb_to(_P3, srgb_curve))

    assert np.abs(pixel(png(tmp_path / "a.png", stored, (b"cHRM", points(_D65, _P3)))) - COLOUR).max() <= 2


def test_which_chunk_counts(tmp_path):
    """cICP before iCCP before sRGB before gAMA and cHRM (PNG, third edition)."""
    stored = tuple(int(value) for value in srgb_to(_P3, srgb_curve))
    srgb, linear, p3 = (b"sRGB", b"\0"), gamma(1.0), (b"cICP", bytes([12, 13, 0, 1]))

    assert (pixel(png(tmp_path / "a.png", COLOUR, srgb, linear)) == COLOUR).all()
    assert np.abs(pixel(png(tmp_path / "b.png", stored, linear, icc_profile=P3)) - COLOUR).max() <= 2
    assert np.abs(pixel(png(tmp_path / "c.png", stored, srgb, icc_profile=P3)) - COLOUR).max() <= 2
    assert np.abs(pixel(png(tmp_path / "d.png", stored, p3, icc_profile=ADOBE)) - COLOUR).max() <= 2


@pytest.mark.parametrize(
    "chunk",
    [gamma(0), (b"cHRM", points(_D65, (0.3, 0.3, 0.3, 0.3, 0.3, 0.3))), (b"cICP", bytes([9, 16, 0, 1]))],
    ids=["gamma", "points", "high dynamic range"],
)
def test_chunks_that_cannot_be_used_are_a_warning_and_srgb(tmp_path, chunk, caplog):
    assert (pixel(png(tmp_path / "a.png", COLOUR, chunk)) == COLOUR).all()
    assert "cannot be used" in caplog.text


# --- More than 8 bits -------------------------------------------------------------------------------------------------


def tiff(path, values, **tags):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    kinds = {"most": (281, 3), "black": (340, 12), "white": (341, 12), "photometric": (262, 3)}
    for name, value in tags.items():
        tag, kind = kinds[name]
        info[tag] = value
        info.tagtype[tag] = kind
    Image.fromarray(values).save(path, "tiff", tiffinfo=info)
    return path


RAMP = np.linspace(0, 1, 32, dtype=np.float32)[None]
EXPECTED = np.floor(255 * RAMP[0] + 0.5)


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        pytest.param(RAMP, {}, id="0 to 1"),
        pytest.param(RAMP * 1000 - 20, {"black": -20.0, "white": 980.0}, id="stated floats"),
        pytest.param(np.rint(RAMP * 255).astype(np.int32), {"white": 255.0}, id="stated integers"),
        pytest.param(np.rint(RAMP * 4095).astype(np.uint16), {"most": 4095}, id="12 in 16, used bits"),
        pytest.param(np.rint(RAMP * 4095).astype(np.uint16), {"white": 4095.0}, id="12 in 16, white"),
        pytest.param(np.rint(RAMP * 65535).astype(np.uint16), {}, id="16"),
    ],
)
def test_deep_values_are_scaled_by_what_the_file_says(tmp_path, values, tags):
    result = load_photo(tiff(tmp_path / "a.tif", values, **tags))

    assert result.shape == (1, 32, 3)
    assert np.abs(result[0, :, 0] - EXPECTED).max() <= 1


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (RAMP * 255, "floating-point numbers from 0 to 255, and the file does not say which of them is white"),
        (RAMP - 1, "floating-point numbers from -1 to 0"),
        (RAMP * np.nan, "values that are not finite"),
        (np.rint(RAMP * 255).astype(np.int32), "integers from 0 to 255, and the file does not say"),
        (np.rint(RAMP * 4095).astype(np.uint16), "no value of its 16 bits is above 4095 of 65535"),
    ],
    ids=["float 255", "negative", "nan", "int32", "12 in 16"],
)
def test_deep_values_of_which_nothing_says_what_is_white_are_refused(tmp_path, values, text):
    path = tiff(tmp_path / "a.tif", values)

    with pytest.raises(InputError) as caught:
        load_photo(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert text in str(caught.value)


def test_12_bits_in_16_of_a_png(tmp_path):
    Image.fromarray(np.rint(RAMP * 4095).astype(np.uint16)).save(tmp_path / "a.png")

    with pytest.raises(InputError, match="12 bits or fewer"):
        load_photo(tmp_path / "a.png")


def test_14_bits_in_16_are_dark_and_said_so(tmp_path, caplog):
    Image.fromarray(np.rint(RAMP * 16383).astype(np.uint16)).save(tmp_path / "a.png")

    assert load_photo(tmp_path / "a.png").max() == 64
    assert "read as a dark photo" in caplog.text


def test_a_black_photo_is_black(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "a.png")

    assert not load_photo(tmp_path / "a.png").any()


@pytest.mark.parametrize(("most", "refused"), [(4095, True), (65535, False)])
def test_colours_of_16_bits(tmp_path, most, refused):
    """Pillow drops the lower half of these samples."""
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(
        tmp_path / "a.tif", np.repeat(np.rint(RAMP * most).astype(np.uint16)[..., None], 3, axis=2), photometric="rgb"
    )

    if refused:
        with pytest.raises(InputError, match="12 bits or fewer"):
            load_photo(tmp_path / "a.tif")
    else:
        assert np.abs(load_photo(tmp_path / "a.tif")[0, :, 0] - EXPECTED).max() <= 1


def test_white_is_zero_where_the_file_says_so(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", np.rint(RAMP * 65535).astype(np.uint16), photometric="miniswhite")

    assert np.abs(load_photo(tmp_path / "a.tif")[0, :, 0] - (255 - EXPECTED)).max() <= 1


def test_a_profile_of_a_matrix_is_read_back_as_it_was_made():
    profile = ImageCms.ImageCmsProfile(io.BytesIO(ADOBE)).profile

    np.testing.assert_allclose(profile.media_white_point[0], (0.9642, 1, 0.8249), atol=1e-3)
    np.testing.assert_allclose(np.add(profile.red_colorant[0], profile.green_colorant[0])[1], 0.9371, atol=1e-3)
