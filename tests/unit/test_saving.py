"""From perturbation to file: enlargement, 8 bits, JPEG and PNG."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from cvpire.config import SavingOptions
from cvpire.errors import InputError
from cvpire.saving import adversarial_pixels, adversarial_query, encode, file_format
from PIL import Image, JpegImagePlugin
from torchvision import transforms
from torchvision.utils import save_image

STD = (0.229, 0.224, 0.225)
PIXEL = (1, 1, 1)

# ITU-T T.81, tables K.1 and K.2, in rows; quality 75 halves them, rounding half up.
LUMINANCE_TABLE = """
16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
CHROMINANCE_TABLE = """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""


def one_channel(photo, levels, **options):
    """Save grey levels `photo` perturbed by `levels` of them, and return what became of the first channel."""
    pixels = np.repeat(np.array([photo], dtype=np.uint8)[..., None], 3, axis=2)
    perturbation = np.repeat(np.array([[levels]], dtype=np.float64) / 255, 3, axis=0)
    result = adversarial_pixels(pixels, perturbation.astype(np.float32), PIXEL, **options)
    assert result.dtype == np.uint8
    assert result.shape == pixels.shape
    return result[0, :, 0].tolist()


def random_case(seed=0):
    """A photo with many black and white pixels, and a perturbation of up to 20 levels, many of them tiny or 0."""
    rng = np.random.default_rng(seed)
    photo = np.clip(rng.integers(-100, 356, (30, 40, 3)), 0, 255).astype(np.uint8)
    size = 10 ** rng.uniform(-6, np.log10(20), (3, 30, 40))
    sign = rng.integers(-1, 2, size.shape)
    return photo, (size * sign / 255).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "photo", "levels", "expected"),
    [
        pytest.param(
            {"enlargement": "none", "rounding": "nearest"},
            [100, 100, 100, 100, 100, 250, 5, 255, 0],
            [0.4, 0.6, -0.4, -0.6, 7, 10, -10, -0.4, 0.4],
            [100, 101, 100, 99, 107, 255, 0, 255, 0],
            id="none, nearest",
        ),
        pytest.param(
            {"enlargement": "none", "rounding": "truncate"},
            [100, 100, 100, 100, 250, 5, 0, 255],
            [0.4, 0.9, -0.1, -1.2, 10, -10, -0.5, 0.5],
            [100, 100, 99, 98, 255, 0, 0, 255],
            id="none, truncate",
        ),
        pytest.param(
            {"enlargement": "minimal", "rounding": "nearest"},
            [100, 100, 100, 100, 100, 250, 255, 0, 255, 0],
            [0.01, -0.01, 0, 0.6, -3.3, 10, 0.1, -0.1, -0.1, 0.1],
            [101, 99, 100, 101, 97, 255, 255, 0, 254, 1],
            id="minimal, nearest",
        ),
        pytest.param(
            {"enlargement": "minimal", "rounding": "truncate"},
            [100, 100, 100, 100, 100, 255, 0],
            [0.9, -0.1, 0, 1.9, -1.2, 5, -5],
            [101, 99, 100, 101, 98, 255, 0],
            id="minimal, truncate",
        ),
        # ceil(256 * level / 255) * 8.16 levels: 0.1 -> 8.16, 1 -> 2 * 8.16, 3 -> 4 * 8.16
        pytest.param(
            {"enlargement": "released", "rounding": "nearest"},
            [100, 100, 100, 100, 250, 5],
            [0.1, 1, -3, 0, 0.1, -0.1],
            [108, 116, 67, 100, 255, 0],
            id="released, nearest",
        ),
        pytest.param(
            {"enlargement": "released", "rounding": "truncate"},
            [100, 100, 100, 100],
            [0.1, 1, -3, 0],
            [108, 116, 67, 100],
            id="released, truncate",
        ),
    ],
)
def test_values_by_hand(options, photo, levels, expected):
    assert one_channel(photo, levels, **options) == expected


def test_channels_have_their_own_unit_and_stay_in_place():
    photo = np.full((2, 3, 3), 100, dtype=np.uint8)
    perturbation = np.zeros((3, 2, 3), dtype=np.float32)
    perturbation[0, 0, 1], perturbation[1, 1, 2], perturbation[2, 1, 0] = 1, -1, 0.5

    result = adversarial_pixels(photo, perturbation, (0.1, 0.2, 0.4), enlargement="none")

    expected = photo.astype(int)
    expected[0, 1, 0], expected[1, 2, 1], expected[1, 0, 2] = 126, 49, 151  # 25.5 and 151.0 levels; 125.5 is even 126
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("unit", [PIXEL, STD])
@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_minimal_enlargement_loses_no_perturbation(rounding, unit):
    photo, perturbation = random_case()

    result = adversarial_pixels(photo, perturbation, unit, enlargement="minimal", rounding=rounding)

    change = result.astype(int) - photo
    direction = np.sign(perturbation).transpose(1, 2, 0)
    out_of_gamut = ((photo == 255) & (direction > 0)) | ((photo == 0) & (direction < 0))
    assert 0.1 < out_of_gamut.mean() < 0.5
    np.testing.assert_array_equal(np.sign(change), np.where(out_of_gamut, 0, direction))


@pytest.mark.parametrize("unit", [PIXEL, STD])
@pytest.mark.parametrize("enlargement", ["none", "minimal"])
def test_saved_change_is_at_most_the_bound_and_rounding(enlargement, unit):
    photo, perturbation = random_case()
    bound = np.abs(perturbation).transpose(1, 2, 0) * unit * 255

    result = adversarial_pixels(photo, perturbation, unit, enlargement=enlargement)

    change = np.abs(result.astype(int) - photo)
    assert (change <= np.maximum(1 if enlargement == "minimal" else 0, bound + 0.5)).all()


@pytest.mark.parametrize("enlargement", ["none", "minimal", "released"])
@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_no_perturbation_no_change(enlargement, rounding):
    photo, perturbation = random_case()

    result = adversarial_pixels(photo, 0 * perturbation, STD, enlargement=enlargement, rounding=rounding)

    np.testing.assert_array_equal(result, photo)


def released_levels(value):
    """Grey levels that a perturbation of the normalised space becomes, per channel."""
    photo = np.full((1, 1, 3), 128, dtype=np.uint8)
    perturbation = np.full((3, 1, 1), value, dtype=np.float32)
    return (adversarial_pixels(photo, perturbation, STD, enlargement="released").astype(int) - photo)[0, 0]


def test_released_enlargement_of_m_50_reaches_about_94_levels():
    # ceil(256 * 50 / 255) = 51 steps of 0.032 std: 95.3, 93.2 and 93.6 levels
    np.testing.assert_array_equal(released_levels(50 / 255), [95, 93, 94])
    np.testing.assert_array_equal(released_levels(-50 / 255), [-95, -93, -94])


def test_smallest_released_perturbation_has_about_2_levels():
    # 0.032 std: 1.87, 1.83 and 1.84 levels
    np.testing.assert_array_equal(released_levels(1e-7), [2, 2, 2])
    np.testing.assert_array_equal(released_levels(-1e-7), [-2, -2, -2])
    photo = np.zeros((1, 1, 3), dtype=np.uint8)
    tiny = np.full((3, 1, 1), 1e-7, dtype=np.float32)
    # A unit of 100 channel ranges shows the decimals; the red channel's 1.869 levels lie just below 1.87.
    levels = adversarial_pixels(photo, tiny, [100 * std for std in STD], enlargement="released")
    np.testing.assert_array_equal(levels[0, 0], [187, 183, 184])


# --- The range of an image, as PIRE's repository has it ---------------------------------------------------------------


def saved_by_pire(photo, perturbation):
    """What `pire.py` computes: the photo and its enlarged perturbation, normalised, and saved with `normalize=True`."""
    normalised = transforms.Normalize((0.485, 0.456, 0.406), STD)(torch.from_numpy(photo).permute(2, 0, 1) / 255)
    enlarged = torch.ceil(perturbation.abs() / 0.00390625) * torch.sign(perturbation) * 0.004 * 8
    file = io.BytesIO()
    save_image((normalised + enlarged)[None], file, "png", normalize=True)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("seed", range(3))
def test_a_stretched_image_is_that_of_pires_repository(seed):
    photo, perturbation = random_case(seed)

    stretched = adversarial_pixels(photo, perturbation, STD, enlargement="released", range="stretch")

    theirs = saved_by_pire(photo, torch.from_numpy(perturbation)).astype(int)
    assert (stretched.min(), stretched.max()) == (theirs.min(), theirs.max()) == (0, 255)
    assert np.abs(stretched - theirs).max() <= 1, "float32 may round otherwise"
    assert (stretched != theirs).mean() < 1e-3


def test_a_stretched_image_fills_its_range_whatever_the_photo():
    photo = np.full((4, 5, 3), 100, dtype=np.uint8)
    photo[0, 0], photo[3, 4] = 110, 90

    stretched = adversarial_pixels(photo, np.zeros((3, 4, 5), np.float32), PIXEL, enlargement="none", range="stretch")

    # Red is lowest once the mean is removed, blue is highest.
    assert (stretched[3, 4, 0], stretched[0, 0, 2]) == (0, 255)
    assert (stretched[1, 1] == stretched[2, 2]).all()
    flat = np.full((2, 2, 3), 100, dtype=np.uint8)
    assert adversarial_pixels(flat, np.zeros((3, 2, 2), np.float32), PIXEL, range="stretch").dtype == np.uint8


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_minimal_enlargement_loses_nothing_of_a_stretched_image(rounding):
    photo, perturbation = random_case()
    # Black and white stay, so that the image with and without the perturbation has one range.
    perturbation = np.where((photo == 0) | (photo == 255), 0, perturbation.transpose(1, 2, 0) / 100).transpose(2, 0, 1)
    how = {"rounding": rounding, "range": "stretch"}

    enlarged = adversarial_pixels(photo, perturbation, PIXEL, enlargement="minimal", **how).astype(int)

    plain = adversarial_pixels(photo, perturbation, PIXEL, enlargement="none", **how)
    assert np.abs(enlarged - plain).max() == 1
    still = adversarial_pixels(photo, 0 * perturbation, PIXEL, enlargement="minimal", **how)
    inside = (still > 0) & (still < 255)
    assert inside.mean() > 0.5
    np.testing.assert_array_equal(np.sign(enlarged - still)[inside], np.sign(perturbation).transpose(1, 2, 0)[inside])


# --- Formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("a.jpg", {}, "jpeg"),
        ("a.JPEG", {"quality": 80}, "jpeg"),
        ("a.PNG", {}, "png"),
        ("a.png", {"format": "png"}, "png"),
        ("a.png", {"format": "jpeg"}, "a.png: a file of this name is png, but --format is jpeg"),
        ("a.jpg", {"format": "png"}, "a.jpg: a file of this name is jpeg, but --format is png"),
        ("a.webp", {}, "a.webp: expected a name ending in .jpg, .jpeg, .png"),
        ("a", {"format": "png"}, "a: expected a name ending in"),
    ],
)
def test_the_suffix_of_a_file_says_its_format(name, given, expected):
    options = SavingOptions(**given)
    if expected in ("jpeg", "png"):
        assert file_format(Path(name), options) == expected
    else:
        with pytest.raises(InputError) as caught:
            file_format(Path(name), options)
        assert str(caught.value).startswith(expected)


def test_png_loses_nothing_and_says_nothing():
    pixels, _ = random_case()

    with Image.open(io.BytesIO(encode(pixels, format="png"))) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
        np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize(("subsampling", "sampling"), [("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)])
def test_jpeg_has_the_declared_subsampling_and_no_metadata(subsampling, sampling):
    pixels, _ = random_case()
    data = encode(pixels, subsampling=subsampling)

    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (40, 30))
        assert JpegImagePlugin.get_sampling(image) == sampling
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp", "photoshop"} & set(image.info)
        assert [marker for marker, _ in image.applist] == ["APP0"]


def test_jpeg_of_quality_75_has_the_standard_tables_halved():
    with Image.open(io.BytesIO(encode(random_case()[0]))) as image:
        tables = {number: list(table) for number, table in image.quantization.items()}

    standard = [[int(word) for word in table.split()] for table in (LUMINANCE_TABLE, CHROMINANCE_TABLE)]
    assert tables == {number: [(value + 1) // 2 for value in table] for number, table in enumerate(standard)}


def test_jpeg_has_the_declared_quality():
    pixels, _ = random_case()
    reference = io.BytesIO()
    Image.fromarray(pixels).save(reference, "jpeg", quality=92)

    with Image.open(io.BytesIO(encode(pixels, quality=92))) as image, Image.open(reference) as expected:
        assert image.quantization == expected.quantization


def test_encoding_is_deterministic():
    pixels, _ = random_case()

    assert encode(pixels) == encode(pixels.copy())
    assert encode(pixels)[:2] == b"\xff\xd8"


def test_every_option_of_saving_counts():
    photo, perturbation = random_case()
    options = {
        "enlargement": "released",
        "rounding": "truncate",
        "range": "stretch",
        "quality": 40,
        "subsampling": "4:2:2",
        "format": "jpeg",
    }
    plain = {"enlargement": "none", "rounding": "nearest", "range": "clip", "quality": 90, "subsampling": "4:4:4"}
    plain["format"] = "png"

    saved = adversarial_query(photo, perturbation, STD, SavingOptions(**options))

    pixels = adversarial_pixels(photo, perturbation, STD, enlargement="released", rounding="truncate", range="stretch")
    assert saved == encode(pixels, format="jpeg", quality=40, subsampling="4:2:2")
    assert set(options) == set(SavingOptions.model_fields)
    for name, value in plain.items():
        assert adversarial_query(photo, perturbation, STD, SavingOptions(**options | {name: value})) != saved
