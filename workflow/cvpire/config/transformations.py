"""Options of transformations: what happens to a saved query before a system sees it (section 5.2.1)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cvpire.errors import shown
from cvpire.options import Odd, Options, validate
from cvpire.transformations.catalogue import KINDS
from cvpire.untrusted.yaml import read_words

Quality = Annotated[int, Field(ge=1, le=100)]
Share = Annotated[float, Field(gt=0, le=1)]
Factor = Annotated[float, Field(gt=0, le=10)]


class JpegOptions(Options):
    """JPEG of a quality."""

    quality: Quality
    """JPEG quality."""
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    """JPEG chroma subsampling."""


def _with_quality(value: Any) -> Any:
    return value if isinstance(value, Mapping | JpegOptions) else {"quality": value}


Jpeg = Annotated[JpegOptions, BeforeValidator(_with_quality, json_schema_input_type=Quality | JpegOptions)]


def _true(value: bool) -> bool:
    if not value:
        raise ValueError("must be true, or the step be left out")
    return value


class Step(Options):
    """One step of a transformation: exactly one kind, with its value."""

    jpeg: Jpeg | None = None
    """Saved as JPEG of this quality, 4:2:0; or {quality: 50, subsampling: "4:4:4"}."""
    webp: Quality | None = None
    """Saved as lossy WebP of this quality."""
    resize: Share | None = None
    """Reduced to this share of both sides (Lanczos)."""
    longest_side: Annotated[int, Field(ge=1)] | None = None
    """Reduced to this longest side in pixels (Lanczos); smaller photos stay as they are."""
    back: Annotated[bool, AfterValidator(_true)] | None = None
    """true: brought to the size before the first step (Lanczos)."""
    screenshot: Share | None = None
    """Shown at this share of both sides (bilinear), and kept without loss."""
    crop: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The centre is kept: this share of both sides is cut away in all; 0.1 leaves 90 % of each."""
    rotation: Annotated[float, Field(ge=-45, le=45)] | None = None
    """Turned by this many degrees, anticlockwise; size kept, bared corners mirror the photo."""
    blur: Annotated[float, Field(gt=0, le=100)] | None = None
    """Gaussian blur of this standard deviation in pixels."""
    median: Odd | None = None
    """Median filter of this side in pixels, odd."""
    noise: Annotated[float, Field(gt=0, le=255)] | None = None
    """Gaussian noise of this standard deviation in grey levels; seeded by the names of transformation and photo."""
    brightness: Factor | None = None
    """Values are multiplied by this."""
    contrast: Factor | None = None
    """Distances of values from the photo's mean grey are multiplied by this."""
    gamma: Factor | None = None
    """Values, as shares of 255, are raised to this: above 1 is darker."""

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        # As `model_dump` writes a step.
        given = {key: value for key, value in given.items() if value is not None or len(given) == 1}
        if unknown := [key for key in given if key not in KINDS]:
            raise ValueError(f"unknown kind {shown(unknown[0])}: one of {', '.join(KINDS)}")
        if len(given) != 1:
            raise ValueError(
                f"expected one kind and its value, like {{jpeg: 50}}, found {', '.join(given) or 'none'}; "
                "several steps are a list"
            )
        if None in given.values():
            raise ValueError(f"{next(iter(given))} has no value")
        return given

    @property
    def kind(self) -> str:
        """Its kind, one of `cvpire.transformations.catalogue.KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def value(self) -> Any:
        """Value of its kind."""
        return getattr(self, self.kind)

    def __str__(self) -> str:
        return as_words((self,))


def _listed(given: Any) -> Any:
    if isinstance(given, Mapping | Step):
        return [given]
    if not isinstance(given, list | tuple):
        raise ValueError("must be a step, like {jpeg: 50}, or a list of steps")
    if not given:
        raise ValueError("must have at least one step")
    return given


def _from_a_size(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if steps[0].kind == "back":
        raise ValueError("back: nothing has changed the size before the first step")
    return steps


Steps = Annotated[
    tuple[Step, ...],
    BeforeValidator(_listed, json_schema_input_type=Step | Annotated[list[Step], Field(min_length=1)]),
    AfterValidator(_from_a_size),
]
"""A transformation: steps that follow each other; one may stand alone, without a list."""


class _Transformation(Options):
    steps: Steps


def parse(words: str, source: str = "transformation") -> tuple[Step, ...]:
    """Read the steps of a transformation from a text, in the form of the configuration.

    Raises
    ------
    InputError
        With the source: a text that is no YAML, an unknown kind, a value out of range.

    Examples
    --------
    >>> [step.kind for step in parse("[{longest_side: 1600}, {jpeg: 70}]")]
    ['longest_side', 'jpeg']
    """
    return validate(_Transformation, {"steps": read_words(words, source)}, source).steps


def as_words(steps: tuple[Step, ...]) -> str:
    """Write the steps of a transformation as a text that `parse` reads; equal ones give equal texts.

    Examples
    --------
    >>> as_words(parse("{jpeg: {quality: 50, subsampling: 4:2:0}}"))
    '{jpeg: 50}'
    """
    plain = [{step.kind: _plain(step.value)} for step in steps]
    written = yaml.safe_dump(plain if len(plain) > 1 else plain[0], default_flow_style=True, width=float("inf"))
    return written.strip()


def _plain(value: Any) -> Any:
    if not isinstance(value, Options):
        return value
    changed = value.model_dump(exclude_defaults=True)
    return changed if len(changed) > 1 else value.quality
