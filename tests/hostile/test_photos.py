"""Photos and variance maps that are damaged, or were made to do damage."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.hostile.mutations import WORDS, damaged

LARGEST = 4096
"""MB for a photo of 150 million pixels: its values, and what conversions and transparency need beside."""

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)

FORMATS = ["PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000", "DDS", "PCX", "SGI", "IM", "AVIF"]


def encoded(kind: str, mode: str = "RGB", **options) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(PIXELS).convert(mode).save(file, kind, **options)
        return file.getvalue()


TURNED = Image.Exif()
TURNED[0x0112] = 6
JPEGS = [
    *(encoded("JPEG", quality=80, subsampling=subsampling) for subsampling in (0, 2)),
    encoded("JPEG", progressive=True, exif=TURNED, icc_profile=bytes(300), comment=b"text"),
    encoded("JPEG", "L", restart_marker_blocks=1),
    encoded("JPEG", "CMYK"),
]
OTHERS = [encoded(kind) for kind in FORMATS] + [
    *(encoded("PNG", mode) for mode in ("1", "L", "P", "LA", "RGBA", "I;16")),
    *(encoded("TIFF", mode) for mode in ("F", "I;16", "CMYK", "LAB")),
    *(encoded("TIFF", compression=kind) for kind in ("tiff_lzw", "jpeg", "tiff_adobe_deflate")),
]
decoders = st.sampled_from(["libjpeg-turbo", "libjpeg-9"])
sides = st.sampled_from([None, 16, 500])
boxes = st.none() | st.tuples(*[st.floats(-50, 50)] * 4)


@given(damaged(JPEGS), decoders, sides, boxes)
def test_damaged_jpeg(sandbox, data, decoder, side, box):
    sandbox.read("photo", {"a.jpg": data}, decoder=decoder, longest_side=side, box=box)


@given(damaged(JPEGS))
def test_damaged_jpeg_of_libjpeg_9(sandbox, data):
    sandbox.read("photo", {"büro 1.jpg": data}, decoder="libjpeg-9")


@given(damaged(OTHERS), sides, boxes)
def test_damaged_photo_of_another_format(sandbox, data, side, box):
    sandbox.read("photo", {"a.png": data}, longest_side=side, box=box, megabytes=LARGEST)


SEGMENTS = st.tuples(st.integers(0xC0, 0xFE), st.binary(max_size=24)).map(
    lambda segment: bytes([0xFF, segment[0]]) + struct.pack(">H", len(segment[1]) + 2) + segment[1]
)


@given(st.sampled_from(JPEGS), st.lists(SEGMENTS, min_size=1, max_size=4).map(b"".join), st.integers(0, 8), decoders)
def test_jpeg_with_segments_of_any_kind(sandbox, data, segments, number, decoder):
    """Tables, frames, restarts and profiles where none are expected, at the border of two segments."""
    places = [place for place in range(2, len(data) - 1) if data[place] == 0xFF and 0xC0 <= data[place + 1] < 0xFF]
    place = places[number % len(places)]
    sandbox.read("photo", {"a.jpg": data[:place] + segments + data[place:]}, decoder=decoder, megabytes=LARGEST)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.sampled_from(JPEGS), decoders)
def test_jpeg_that_promises_another_size(sandbox, width, height, data, decoder):
    frame = next(place for marker in (b"\xff\xc0", b"\xff\xc2") if (place := data.find(marker)) > 0)
    changed = data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]
    sandbox.read("photo", {"a.jpg": changed}, decoder=decoder, megabytes=LARGEST)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


CHUNKS = st.one_of(
    st.tuples(st.sampled_from([b"PLTE", b"tRNS", b"gAMA", b"sBIT", b"eXIf", b"acTL", b"fcTL"]), st.binary(max_size=32)),
    st.tuples(st.sampled_from([b"IDAT", b"fdAT"]), st.binary(max_size=64).map(zlib.compress)),
    st.sampled_from(
        [(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**28))), (b"iCCP", b"a\0\0" + zlib.compress(bytes(2**28)))]
    ),
)


@given(
    st.sampled_from([0, 1, 32, 3000, 2**31 - 1]),
    st.sampled_from([0, 1, 24, 3000, 2**31 - 1]),
    st.sampled_from([1, 2, 4, 8, 16, 255]),
    st.sampled_from([0, 2, 3, 4, 6, 9]),
    st.integers(0, 2),
    st.lists(CHUNKS, max_size=3),
)
def test_png_of_any_header_and_chunks(sandbox, width, height, depth, colour, interlaced, chunks):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    content = zlib.compress(bytes(min(width * height * 8, 2**20)))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", content), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
    sandbox.read("photo", {"a.png": data}, megabytes=LARGEST)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA", "I;16"])
def test_the_largest_photo_of_the_fewest_bytes(sandbox, mode):
    with io.BytesIO() as file:
        Image.new(mode, (14_000, 10_000)).save(file, "png", **({"transparency": 0} if mode == "P" else {}))
        data = file.getvalue()
    assert len(data) < 2**20
    assert sandbox.read("photo", {"a.png": data}, longest_side=512, megabytes=LARGEST) == "read"


def test_no_other_program_draws_a_photo(sandbox):
    """Pillow leaves PostScript to Ghostscript, which is a programming language."""
    with io.BytesIO() as file:
        Image.fromarray(PIXELS).save(file, "EPS")
        assert sandbox.read("photo", {"a.jpg": file.getvalue()}) == "refused"


# --- Variance maps ----------------------------------------------------------------------------------------------------


def npy(values: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        np.save(file, values, allow_pickle=True)
        return file.getvalue()


def npy_of_header(text: str, data: bytes = bytes(48)) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


MAPS = [npy(np.linspace(0, 1, 12, dtype=kind).reshape(3, 4)) for kind in ("f2", "f4", "f8", ">f4")]
KINDS = st.sampled_from(
    ["<f4", "<f8", "|O", "<c8", "|S4", "<U4", "<M8[s]", "|V4", "<f16", "f4,(2,2)i4", "(9999,9999)f4"]
)
SIDES = st.sampled_from([0, 1, 3, 4, -1, 2**16, 2**31, 2**62, 2**64, 10**30, True, 3.0, None])


@given(damaged(MAPS))
def test_damaged_variance_map(sandbox, data):
    sandbox.read("variance_map", {"map.npy": data}, shape=(3, 4))


@given(KINDS, st.booleans(), st.lists(SIDES, max_size=3).map(tuple) | st.just((3, 4)))
def test_variance_map_of_any_header(sandbox, kind, order, shape):
    header = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    sandbox.read("variance_map", {"map.npy": npy_of_header(header)}, shape=(3, 4))


@pytest.mark.parametrize(
    "header", ["(" * 5000, "[" * 9000, "-" * 9000, "{'a':" * 1500, "9" * 9000, "\0", "{**1}", "1 +"]
)
def test_variance_map_whose_header_is_no_header(sandbox, header):
    assert sandbox.read("variance_map", {"map.npy": npy_of_header(header)}, shape=(3, 4)) == "refused"


@given(damaged([encoded("PNG", "L"), encoded("PNG"), encoded("TIFF", "F"), encoded("JPEG")]), st.sampled_from(WORDS))
def test_damaged_variance_map_as_a_photo(sandbox, data, word):
    sandbox.read("variance_map", {"map.png": data}, shape=(24, 32), megabytes=LARGEST)
