"""One picture in many files that photo tools stumble over: each is read as the picture, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.photos import SUFFIXES, load_photo
from skimage.color import deltaE_ciede2000, rgb2lab

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "cases"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no files at {DATA}")


@pytest.fixture(scope="module")
def reference():
    return load_photo(DATA / "reference-srgb.png")


def blocks(pixels, side):
    """Means of square blocks, in [0, 1]."""
    height, width = (length // side * side for length in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // side, side, width // side, side, 3).mean(axis=(1, 3)) / 255


def difference(one, other, side=1):
    """Mean CIEDE2000 of two photos, pixel by pixel or by means of blocks."""
    return deltaE_ciede2000(*(rgb2lab(blocks(pixels, side)) for pixels in (one, other))).mean()


# JPEG at quality 95 alone takes 1.6 from this picture, and more where colours are subsampled: pixel by pixel, the files
# with a profile are 1.76 and 2.20 from it however they are converted, and the AVIF is 2.07. What a profile does remains
# in the means of 8 x 8 blocks, where coding leaves little: ignored, they are 1.28 and 0.92 away.
@pytest.mark.parametrize(("name", "side", "largest"), [("adobe-rgb.jpg", 8, 0.3), ("display-p3.jpg", 8, 0.5)])
def test_profiles_of_jpegs(reference, name, side, largest):
    assert difference(reference, load_photo(DATA / name), side) < largest
    assert difference(reference, load_photo(DATA / name, profile="ignore"), side) > 2 * largest - 0.1


@pytest.mark.parametrize(("name", "largest"), [("adobe-rgb.jpg", 1.8), ("display-p3.jpg", 2.25)])
def test_pixels_of_jpegs_with_profiles(reference, name, largest):
    assert difference(reference, load_photo(DATA / name)) < largest
    assert difference(reference, load_photo(DATA / name, profile="ignore")) > difference(
        reference, load_photo(DATA / name)
    )


def test_a_profile_without_loss_by_coding(reference):
    assert difference(reference, load_photo(DATA / "prophoto.png")) < 1
    assert difference(reference, load_photo(DATA / "prophoto.png", profile="ignore")) > 5


@pytest.mark.parametrize(("name", "largest"), [("photo.avif", 2.1), ("photo.jp2", 0.01)])
def test_other_formats_are_read_where_the_decoder_is_installed(reference, name, largest):
    if not name.endswith(SUFFIXES):
        pytest.skip(f"no decoder for {name}")
    assert difference(reference, load_photo(DATA / name)) < largest


def test_floating_point_grey_is_the_luma(reference):
    luma = np.repeat((reference @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    assert difference(luma, load_photo(DATA / "float01-grey.tif")) < 0.2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("float01-rgb.tif", "a TIFF with 3 samples a pixel, floating-point numbers of 32 bits, which is not read"),
        ("int32-0-255.tif", "integers from 6 to 255, and the file does not say which of them is white"),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(name, text):
    with pytest.raises(InputError) as caught:
        load_photo(DATA / name)
    assert str(caught.value).startswith(f"{DATA / name}: ")
    assert text in str(caught.value)
