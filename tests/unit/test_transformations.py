"""What happens to a saved query before a system sees it: each kind of step, sequences, their form, and bad input."""

import io
from pkgutil import resolve_name

import numpy as np
import pytest
from cvpire.config.transformations import Step, Steps, as_words, parse
from cvpire.errors import InputError
from cvpire.options import Name, Options, validate
from cvpire.transformations.catalogue import KINDS
from cvpire.transformations.transform import transform
from PIL import Image
from scipy import ndimage
from skimage.exposure import adjust_gamma
from skimage.filters import gaussian

ONE_OF_EACH = {
    "jpeg": "{jpeg: 50}",
    "webp": "{webp: 50}",
    "resize": "{resize: 0.5}",
    "longest_side": "{longest_side: 30}",
    "back": "[{resize: 0.25}, {back: true}]",
    "screenshot": "{screenshot: 0.75}",
    "crop": "{crop: 0.1}",
    "rotation": "{rotation: -3.5}",
    "blur": "{blur: 1.5}",
    "median": "{median: 5}",
    "noise": "{noise: 4.0}",
    "brightness": "{brightness: 1.2}",
    "contrast": "{contrast: 0.8}",
    "gamma": "{gamma: 2.2}",
}
every_kind = pytest.mark.parametrize("words", ONE_OF_EACH.values(), ids=ONE_OF_EACH)


@pytest.fixture(scope="module")
def photo():
    """A smooth photo of odd size with edges, noise and colours."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (8, 10, 3), dtype=np.uint8)
    smooth = np.array(Image.fromarray(coarse).resize((81, 63), Image.Resampling.BICUBIC)).astype(int)
    smooth[20:40, 30:60] //= 2
    return np.clip(smooth + generator.integers(-10, 11, smooth.shape), 0, 255).astype(np.uint8)


def changed(pixels, words, name="test", photo="büro 1", seed=0):
    return transform(pixels, parse(words), name=name, photo=photo, seed=seed)


def grey(value, shape=(40, 50)):
    return np.full((*shape, 3), value, np.uint8)


# --- Kinds ------------------------------------------------------------------------------------------------------------


def test_every_kind_has_an_option_and_a_function():
    assert list(Step.model_fields) and set(Step.model_fields) == set(KINDS) == set(ONE_OF_EACH)
    for kind in KINDS.values():
        assert callable(resolve_name(f"cvpire.transformations.{kind.function}"))


@every_kind
def test_every_kind_changes_a_photo_always_in_the_same_way(photo, words):
    before = photo.copy()

    result = changed(photo, words)

    assert result.dtype == np.uint8 and result.ndim == 3 and result.shape[2] == 3
    assert result.shape != photo.shape or (result != photo).any()
    np.testing.assert_array_equal(changed(photo, words), result)
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(
    ("words", "format", "options"),
    [
        ("{jpeg: 30}", "JPEG", {"quality": 30}),  # Pillow's default is 4:2:0
        ('{jpeg: {quality: 90, subsampling: "4:4:4"}}', "JPEG", {"quality": 90, "subsampling": 0}),
        ("{webp: 40}", "WEBP", {"quality": 40, "lossless": False}),
    ],
)
def test_a_format_is_as_saved_and_read_by_pillow(photo, words, format, options):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, format, **options)

    np.testing.assert_array_equal(changed(photo, words), np.array(Image.open(file)))


def test_subsampling_takes_colour_and_not_brightness():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (200, 60, 60), (60, 119, 60)  # of nearly the same luma

    spread = [
        float(np.ptp(changed(stripes, f'{{jpeg: {{quality: 95, subsampling: "{each}"}}}}')[..., 0].mean(0)))
        for each in ("4:4:4", "4:2:0")
    ]

    assert spread[0] > 100 > 20 > spread[1]


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("{resize: 0.5}", (32, 40)),  # 31.5 and 40.5: to the even one
        ("{resize: 1}", (63, 81)),
        ("{longest_side: 40}", (31, 40)),
        ("{longest_side: 81}", (63, 81)),
        ("{longest_side: 500}", (63, 81)),
        ("[{longest_side: 9}, {back: true}]", (63, 81)),
        ("[{crop: 0.3}, {resize: 0.5}, {back: true}]", (63, 81)),
        ("{screenshot: 0.25}", (16, 20)),
        ("{crop: 0.5}", (32, 40)),
        ("{rotation: 20}", (63, 81)),
    ],
)
def test_sizes(photo, words, size):
    assert changed(photo, words).shape == (*size, 3)


def test_resizing_is_pillows(photo):
    image = Image.fromarray(photo)
    half = np.array(image.resize((40, 32), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(changed(photo, "{resize: 0.5}"), half)
    np.testing.assert_array_equal(
        changed(photo, "[{resize: 0.5}, {back: true}]"),
        np.array(Image.fromarray(half).resize((81, 63), Image.Resampling.LANCZOS)),
    )
    shown = np.array(image.resize((40, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(changed(photo, "{screenshot: 0.5}"), shown)
    image.thumbnail((37, 37), Image.Resampling.LANCZOS)
    assert abs(changed(photo, "{longest_side: 37}").astype(int) - np.array(image)).max() <= 3  # thumbnail drafts first


def test_a_crop_keeps_the_centre(photo):
    np.testing.assert_array_equal(changed(photo, "{crop: 0.1}"), photo[3:60, 4:77])


def test_a_rotation_is_pillows_and_mirrors_the_edges(photo):
    padded = np.pad(photo, ((30, 30), (30, 30), (0, 0)), "symmetric")
    turned = np.array(Image.fromarray(padded).rotate(10, Image.Resampling.BICUBIC))[30:-30, 30:-30]

    result = changed(photo, "{rotation: 10}").astype(int)

    assert np.abs(result - turned).mean() < 3 < 15 < np.abs(result - photo).mean()
    np.testing.assert_array_equal(changed(grey(90), "{rotation: 45}"), grey(90))


def test_a_blur_is_the_convolution_with_a_gaussian(photo):
    expected = 255 * gaussian(photo / 255, 1.5, mode="reflect", channel_axis=2)

    np.testing.assert_allclose(changed(photo, "{blur: 1.5}"), expected, atol=0.5 + 1e-3)


def test_a_median_is_that_of_its_window(photo):
    expected = ndimage.median_filter(photo, (5, 5, 1), mode="nearest")

    np.testing.assert_array_equal(changed(photo, "{median: 5}"), expected)


@pytest.mark.parametrize(
    ("words", "value", "expected"),
    [
        ("{brightness: 1.5}", 100, 150),
        ("{brightness: 0.5}", 100, 50),
        ("{brightness: 3}", 100, 255),
        ("{contrast: 3}", 100, 100),
        ("{gamma: 2}", 102, 41),  # 255 * 0.4^2 = 40.8
        ("{gamma: 0.5}", 64, 128),
    ],
)
def test_a_grey_photo_turns_into_another_grey(words, value, expected):
    np.testing.assert_array_equal(changed(grey(value), words), grey(expected))


def test_contrast_moves_values_from_the_mean():
    pixels = grey(80)
    pixels[:20] = 120

    result = changed(pixels, "{contrast: 1.5}")

    assert (result[0, 0, 0], result[-1, 0, 0]) == (130, 70)


def test_gamma_is_that_of_scikit_image(photo):
    np.testing.assert_allclose(changed(photo, "{gamma: 2.2}"), 255 * adjust_gamma(photo / 255, 2.2), atol=0.5)


# --- What changes nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["resize", "screenshot", "brightness", "contrast", "gamma"])
def test_a_factor_of_1_changes_nothing(photo, kind):
    np.testing.assert_array_equal(changed(photo, f"{{{kind}: 1}}"), photo)


def test_a_rotation_by_0_changes_nothing(photo):
    np.testing.assert_array_equal(changed(photo, "{rotation: 0}"), photo)


# --- Noise ------------------------------------------------------------------------------------------------------------


def test_noise_has_its_standard_deviation_and_no_mean():
    noise = changed(grey(128, (300, 400)), "{noise: 6}").astype(float) - 128

    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(np.sqrt(36 + 1 / 12), rel=0.01)  # and that of rounding
    channels = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.02, "each value has its own"


def test_noise_is_that_of_its_seed_and_names(photo):
    first = changed(photo, "{noise: 6}", "a", "b", 1)

    np.testing.assert_array_equal(changed(photo, "{noise: 6}", "a", "b", 1), first)
    for others in (("x", "b", 1), ("a", "x", 1), ("a", "b", 2), ("ab", "", 1)):
        assert (changed(photo, "{noise: 6}", *others) != first).mean() > 0.5, others


def test_noise_twice_is_not_the_same_noise():
    once, twice = (
        changed(grey(128), words).astype(float).std() for words in ("{noise: 6}", "[{noise: 6}, {noise: 6}]")
    )
    assert twice == pytest.approx(once * np.sqrt(2), rel=0.05)


# --- Sequences --------------------------------------------------------------------------------------------------------


def test_steps_follow_each_other(photo):
    both = changed(photo, "[{longest_side: 50}, {jpeg: 40}]")

    np.testing.assert_array_equal(both, changed(changed(photo, "{longest_side: 50}"), "{jpeg: 40}"))
    assert (both != changed(changed(photo, "{jpeg: 40}"), "{longest_side: 50}")).any()


# --- Form of the options ----------------------------------------------------------------------------------------------


@every_kind
def test_steps_are_written_as_they_are_given(words):
    assert as_words(parse(words)) == words


def test_equal_steps_are_written_equally():
    assert as_words(parse("[{jpeg: {quality: 50, subsampling: 4:2:0}}]")) == "{jpeg: 50}"
    assert as_words(parse("{resize: 1}")) == as_words(parse("{resize: 1.0}"))
    long = "[" + ", ".join(["{longest_side: 1600}"] * 50) + "]"
    assert as_words(parse(long)) == long, "in one line"


@pytest.mark.parametrize(
    "words", ['{jpeg: {quality: 50, subsampling: "4:4:4"}}', "{noise: 1e-7}", "{resize: 0.1234567890123}"]
)
def test_what_is_written_reads_the_same(words):
    steps = parse(words)

    assert parse(as_words(steps)) == steps


class Section(Options):
    transformations: dict[Name, Steps]


def test_a_step_may_stand_alone():
    given = {"jpeg-50": {"jpeg": 50}, "messenger": [{"longest_side": 1600}, {"jpeg": 70}]}

    made = validate(Section, {"transformations": given}, "c.yaml").transformations

    assert made["jpeg-50"] == parse("{jpeg: 50}")
    assert [(step.kind, str(step)) for step in made["messenger"]] == [
        ("longest_side", "{longest_side: 1600}"),
        ("jpeg", "{jpeg: 70}"),
    ]


def test_an_editor_accepts_both_forms():
    schema = Section.model_json_schema()

    (forms,) = schema["properties"]["transformations"]["patternProperties"].values()
    alone, several = forms["anyOf"]
    assert alone == {"$ref": "#/$defs/Step"}
    assert several == {"type": "array", "items": alone, "minItems": 1}
    jpeg = schema["$defs"]["Step"]["properties"]["jpeg"]["anyOf"]
    assert jpeg[:2] == [{"type": "integer", "minimum": 1, "maximum": 100}, {"$ref": "#/$defs/JpegOptions"}]


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jpgg": 50}, r"x.0: unknown kind 'jpgg': one of jpeg, webp, .*, gamma$"),
        ({"jpeg": 50, "blur": 1}, r"x.0: expected one kind and its value, like {jpeg: 50}, found jpeg, blur; several"),
        ({}, r"x.0: expected one kind and its value, like {jpeg: 50}, found none"),
        ({"jpeg": None}, r"x.0: jpeg has no value"),
        ([], r"x: must have at least one step"),
        (None, r"x: must be a step, like {jpeg: 50}, or a list of steps"),
        ("jpeg", r"x: must be a step, like {jpeg: 50}, or a list of steps \(given: 'jpeg'\)"),
        (["jpeg"], r"x.0: must be keys with values \(given: 'jpeg'\)"),
        ([{"blur": 1}, {"jpeg": 101}], r"x.1.jpeg.quality: must be less than or equal to 100 \(given: 101\)"),
        ({"jpeg": {"subsampling": "4:2:0"}}, r"x.0.jpeg.quality: is missing"),
        (
            {"jpeg": {"quality": 5, "subsampling": "4:1:1"}},
            r"x.0.jpeg.subsampling: must be '4:4:4', '4:2:2' or '4:2:0'",
        ),
        ({"webp": 0}, r"x.0.webp: must be greater than or equal to 1"),
        ({"resize": 0}, r"x.0.resize: must be greater than 0"),
        ({"resize": 1.5}, r"x.0.resize: must be less than or equal to 1"),
        ({"longest_side": 0.5}, r"x.0.longest_side: must be a whole number"),
        ({"back": True}, r"x: back: nothing has changed the size before the first step"),
        ([{"resize": 0.5}, {"back": False}], r"x.1.back: must be true, or the step be left out"),
        ({"screenshot": "half"}, r"x.0.screenshot: must be a number \(given: 'half'\)"),
        ({"crop": 0}, r"x.0.crop: must be greater than 0"),
        ({"crop": 1}, r"x.0.crop: must be less than 1"),
        ({"rotation": 90}, r"x.0.rotation: must be less than or equal to 45"),
        ({"blur": 0}, r"x.0.blur: must be greater than 0"),
        ({"median": 4}, r"x.0.median: must be odd, so that a kernel has a centre"),
        ({"noise": float("nan")}, r"x.0.noise: must be a finite number"),
        ({"brightness": -1}, r"x.0.brightness: must be greater than 0"),
        ({"contrast": 11}, r"x.0.contrast: must be less than or equal to 10"),
        ({"gamma": 0}, r"x.0.gamma: must be greater than 0"),
    ],
    ids=str,
)
def test_steps_that_are_none(given, message):
    with pytest.raises(InputError, match=rf"^c\.yaml: transformations\.{message}") as error:
        validate(Section, {"transformations": {"x": given}}, "c.yaml")
    assert "\n" not in str(error.value), "one fault, one line"


@pytest.mark.parametrize("words", ["{jpeg: 50", "", "jpeg=50", "[{jpeg: 50}, {jpgg: 3}]"])
def test_words_that_are_no_steps(words):
    with pytest.raises(InputError, match=r"^--steps: "):
        parse(words, "--steps")


@pytest.mark.parametrize(
    ("words", "step", "left"),
    [
        ("{resize: 0.005}", "{resize: 0.005}", "0 x 0"),
        ("[{blur: 1}, {crop: 0.993}]", "{crop: 0.993}", "1 x 0"),
        ("{screenshot: 0.007}", "{screenshot: 0.007}", "1 x 0"),
    ],
)
def test_a_step_that_leaves_nothing_is_named(photo, words, step, left):
    with pytest.raises(
        InputError, match=rf"^büro 1: transformation tiny, {step}: {left} pixels .* would be left of it"
    ):
        changed(photo, words, "tiny")


def test_a_strip_has_no_longest_side_of_a_few_pixels():
    with pytest.raises(InputError, match=r"{longest_side: 30}: 30 x 0 pixels"):
        changed(grey(0, (1, 300)), "{longest_side: 30}")


@pytest.mark.parametrize(("words", "side"), [("{webp: 50}", 16_384), ("{jpeg: 50}", 65_536)])
def test_a_photo_that_is_too_large_for_a_format(words, side):
    with pytest.raises(InputError, match=rf"{side} x 1 pixels \(width x height\) cannot be saved as (WEBP|JPEG)"):
        changed(grey(0, (1, side)), words)
