"""The configuration: faults are one line each, presets fill in, and what editors and rules get is in step."""

import copy
import json
import shlex
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from cvpire.config import (
    AttackOptions,
    NetworkOptions,
    PhotoOptions,
    QualityOptions,
    RetrievalOptions,
    SavingOptions,
    VarianceOptions,
    as_options,
    load_config,
    preset_values,
    read_config,
    schema,
)
from cvpire.config.attacks import MemberOptions, SampledStep, read_members
from cvpire.errors import InputError
from pydantic import ValidationError

CONFIGS = Path(__file__).parents[2] / "config"
FILES = sorted(set(CONFIGS.glob("*.yaml")) - {CONFIGS / "downloads.yaml"})

RAW = {
    "datasets": {
        "demo": {"kind": "demo", "part": "a"},
        "mine": {"kind": "folder", "folder": "photos", "ground_truth": "truth.json"},
    },
    "networks": {"lite0": {}, "lite1": {"architecture": "efficientnet-lite1"}},
    "variance": {"cv": {}, "sd": {"kind": "luminance"}},
    "attacks": {"cv-pire": {"network": "lite0"}, "sd-pire": {"network": "lite0", "variance": "sd"}},
}


def changed(path=None, value=None, **top_level):
    """The configuration above with top-level values, and then a value set at a path of keys."""
    raw = {**copy.deepcopy(RAW), **top_level}
    if path is not None:
        *sections, last = path.split(".") if isinstance(path, str) else path
        section = raw
        for key in sections:
            section = section.setdefault(key, {})
        section[last] = value
    return raw


def faults(raw):
    """The lines of the message about a bad configuration."""
    with pytest.raises(InputError) as caught:
        load_config(raw, "my.yaml")
    return str(caught.value).splitlines()


# --- Faults -----------------------------------------------------------------------------------------------------------

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        ("variance.cv.kernel_size", 4, "must be odd"),
        ("variance.cv.kernel_size", 1, "greater than or equal to 3"),
        ("variance.cv.kernel_size", 5.5, "must be a whole number"),
        ("variance.cv.kernel_size", "five", "must be a whole number"),
        ("variance.cv.sigma", -1, "greater than 0"),
        ("variance.cv.sigma", 0, "greater than 0"),
        ("variance.cv.sigma", NAN, "finite number"),
        ("variance.cv.kind", "color", "'colour', 'luminance', 'joined', 'masking' or 'uniform'"),
        ("variance.cv.difference", "cie2000", "'cie76', 'cie94' or 'ciede2000'"),
        ("attacks.cv-pire.iterations", 0, "greater than 0"),
        ("attacks.cv-pire.iterations", None, "must be a whole number"),
        ("attacks.cv-pire.multiplier", INFINITE, "finite number"),
        ("attacks.cv-pire.multiplier", -50, "greater than 0"),
        ("attacks.cv-pire.multiplier", [50], "must be a number"),
        ("attacks.cv-pire.other_multipliers", 20, "must be a list"),
        ("attacks.cv-pire.learning_rate", NAN, "finite number"),
        ("attacks.cv-pire.objective", "distance", "must be 'descriptor-distance', 'descriptor-sum', 'similarity' or"),
        ("attacks.cv-pire.saving.quality", 101, "less than or equal to 100"),
        ("attacks.cv-pire.saving.format", "gif", "'jpeg' or 'png'"),
        ("saving.quality", 0, "greater than or equal to 1"),
        ("saving.subsampling", "4:1:1", "'4:4:4', '4:2:2' or '4:2:0'"),
        ("networks.lite0.architecture", "resnet34", "'resnet18', 'resnet50'"),
        ("networks.lite0.gem_power", 0, "greater than 0"),
        ("quality.window", 8, "must be odd"),
        ("quality.data_range", 0, "greater than 0"),
        ("retrieval.average_precision", "mean", "'sum' or 'trapezoid'"),
        ("retrieval.shard_size", 0, "greater than"),
        ("datasets.mine.longest_side", 8, "greater than or equal to 16"),
        ("datasets.mine.missing", "skip", "'error' or 'drop'"),
        ("datasets.mine.folder", 3, "must be text"),
        ("datasets.demo.part", "c", "'a' or 'b'"),
        ("datasets.demo.decoder", "libjpeg", "'libjpeg-turbo' or 'libjpeg-9'"),
        ("seed", -1, "greater than or equal to 0"),
        ("device", "gpu", "'auto', 'cpu' or 'cuda'"),
        ("preset", "relased", "'text' or 'released'"),
        ("preset", ["released"], "'text' or 'released'"),
    ],
)
@pytest.mark.parametrize("preset", ["text", "released"])
def test_a_bad_value_is_one_line_with_place_and_value(place, value, text, preset):
    (line,) = faults(changed(place, value, preset=preset))

    assert line.startswith(f"my.yaml: {place}: ")
    assert text in line
    assert line.endswith(f"(given: {value!r})")


@pytest.mark.parametrize(
    "place",
    [
        "sead",
        "datasets.demo.parts",
        "datasets.mine.foldr",
        "networks.lite0.arch",
        "variance.cv.n",
        "attacks.cv-pire.T",
        "attacks.cv-pire.saving.qualty",
        "saving.qualty",
        "quality.sigma",
        "retrieval.top",
        ("figures", "4.3", "querry"),
    ],
)
@pytest.mark.parametrize("preset", ["text", "released"])
def test_an_unknown_key_is_one_line_at_every_level(place, preset):
    (line,) = faults(changed(place, 7, preset=preset))

    assert line == f"my.yaml: {place if isinstance(place, str) else '.'.join(place)}: unknown key (given: 7)"


CROP = {"kind": "crop", "range": [0.1, 0.3]}


@pytest.mark.parametrize(
    ("attack", "line"),
    [
        ({"network": "lite0", "networks": ["lite1"]}, ": network, networks: give one of them"),
        (
            {"networks": ["lite0", "lite0"]},
            ": networks: a name stands there twice; give a network more weight by network_weights",
        ),
        ({"networks": ["lite0", "x"]}, ".networks: unknown name 'x'; section networks has lite0, lite1"),
        (
            {"networks": ["lite0", "lite1"], "network_weights": [1]},
            ": network_weights: expected 2, one for each of networks",
        ),
        (
            {"networks": ["lite0", "lite1"], "network_weights": [1, 0]},
            ".network_weights.1: must be greater than 0 (given: 0)",
        ),
        (
            {"networks": ["lite0", "lite1"], "bound_space": "normalised"},
            ": bound_space: several networks do not share a normalised space; set `bound_space: pixel`",
        ),
        ({"dropout": 1}, ".dropout: must be less than 1 (given: 1)"),
        (
            {"samples": 2},
            ": samples, sampled: versions beyond the first need transformations, and these need versions",
        ),
        (
            {"sampled": [CROP]},
            ": samples, sampled: versions beyond the first need transformations, and these need versions",
        ),
        ({"samples": 0}, ".samples: must be greater than 0 (given: 0)"),
        ({"objective": "target"}, ": objective, target: the objective `target` and a photo go together"),
        ({"target": "a.jpg"}, ": objective, target: the objective `target` and a photo go together"),
        ({"momentum": 0.5}, ": momentum: of optimiser sign only, and it is adam"),
        ({"optimiser": "sign", "momentum": 2}, ".momentum: must be less than or equal to 1 (given: 2)"),
        ({"optimiser": "sgd"}, ".optimiser: must be 'adam', 'sign', 'alternating' or 'priority' (given: 'sgd')"),
        ({"decay": 0}, ".decay: must be greater than 0 (given: 0)"),
        ({"chroma": -1}, ".chroma: must be greater than or equal to 0 (given: -1)"),
        (
            {"through": ["eight-bit", "saving"]},
            ": through: saving comes first, since it takes the perturbation itself",
        ),
        ({"through": ["jpeg"]}, ".through.0: must be 'saving' or 'eight-bit' (given: 'jpeg')"),
    ],
    ids=str,
)
def test_faults_of_a_robust_attack(attack, line):
    raw = changed("attacks.cv-pire", {"network": "lite0", **attack} if "networks" not in attack else attack)

    assert faults(raw) == [f"my.yaml: attacks.cv-pire{line}"]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ({"kind": "median", "range": [3, 5]}, ".kind: must be 'crop', 'resize', 'rotation', "),
        ({"kind": "crop", "range": [0.3, 0.1]}, ": range: 0.3 is above 0.1; expected the smaller value first"),
        ({"kind": "crop", "range": [0, 0.1]}, ": range: 0 is no value of `crop` (see transformations)"),
        ({"kind": "jpeg", "range": [40.5, 90]}, ": range: 40.5 is no value of `jpeg` (see transformations)"),
        ({"kind": "resize", "range": [0.5, 1.2]}, ": range: 1.2 is no value of `resize` (see transformations)"),
        ({"kind": "rotation", "range": [-50, 0]}, ": range: -50 is no value of `rotation` (see transformations)"),
        ({**CROP, "share": 0}, ".share: must be greater than 0 (given: 0)"),
        ({**CROP, "share": 1.5}, ".share: must be less than or equal to 1 (given: 1.5)"),
        ({**CROP, "often": 1}, ".often: unknown key (given: 1)"),
        ({"kind": "crop"}, ".range: is missing"),
        ({"kind": "crop", "range": 0.1}, ".range: must be a list (given: 0.1)"),
        ({"kind": "crop", "range": [0.1, 0.2, 0.3]}, ".range: must have at most 2 entries"),
        ("crop", ": must be keys with values (given: 'crop')"),
        ("{kind: crop", ": sampled: not valid YAML ("),
    ],
    ids=str,
)
def test_faults_of_what_an_attack_samples(step, line):
    (found,) = faults(changed("attacks.cv-pire", {"network": "lite0", "samples": 2, "sampled": [CROP, step]}))

    assert found.startswith(f"my.yaml: attacks.cv-pire.sampled.1{line}")


def test_robust_attacks_that_are_allowed():
    for given in (
        {"networks": ["lite1"]},
        {"networks": ["lite0", "lite1"], "network_weights": [1, 2.5], "dropout": 0.5, "chroma": 0, "decay": 0.4},
        {"samples": 2, "sampled": [CROP], "network": "lite0", "through": ["saving", "eight-bit"]},
        {"objective": "target", "target": "a.jpg", "network": "lite1", "optimiser": "sign", "momentum": 1},
    ):
        attack = load_config(changed("attacks.cv-pire", given)).attacks["cv-pire"]
        assert attack.attacked == tuple(given.get("networks") or [given["network"]])
        assert attack.needs_unrelated is False
    assert AttackOptions(objective="similarity").needs_unrelated


@pytest.mark.parametrize(
    "kind", ["crop", "resize", "rotation", "blur", "jpeg", "webp", "noise", "brightness", "contrast", "gamma"]
)
def test_a_sampled_step_is_written_as_words_that_say_the_same(kind):
    low, high = (0.1 + 0.2, 0.5) if kind not in ("jpeg", "webp") else (40, 95)
    for share in (1.0, 0.5, 1e-9, 1 / 3):
        step = SampledStep(kind=kind, range=(low, high), share=share)
        assert AttackOptions(samples=2, sampled=[str(step)]).sampled == [step]
        assert AttackOptions(samples=2, sampled=[step]) == AttackOptions(samples=2, sampled=[step.model_dump()])


@pytest.mark.parametrize(
    "member",
    [
        MemberOptions(),
        MemberOptions(weight=1 / 3, learnt="centre", learnt_file="results/büro 1/descriptors/lite0/learnt.npz"),
        MemberOptions(weights='it\'s {a: b}, [c] & *d # e: "f"\\ .pth', gem_power=1e-7, whitening="none"),
        MemberOptions(architecture="resnet50-thin", mean=(0, 0.5, 1), std=(1, 1e-3, 1), scales=[1, 2**-0.5]),
        MemberOptions(architecture="timm", model="vit_small_patch14_dinov2.lvd142m", precision="bfloat16"),
        MemberOptions(weights="007", learnt_file="null", learnt="whiten", dimensions=64),
        MemberOptions(weights="-x.pth", learnt_file="~"),
    ],
    ids=str,
)
def test_a_member_is_written_as_words_that_say_the_same(member):
    (word,) = shlex.split(shlex.join([str(member)]))

    assert read_members([word], NetworkOptions(), AttackOptions()) == [member]


@pytest.mark.parametrize(
    ("words", "alone", "method", "message"),
    [
        (["{weight: 0}"], {}, {}, "--member: weight: must be greater than 0 (given: '0')"),
        (["{wait: 1}"], {}, {}, "--member: wait: unknown key (given: '1')"),
        (["resnet101"], {}, {}, "--member: must be keys with values (given: 'resnet101')"),
        (["{a"], {}, {}, "--member: not valid YAML ("),
        (
            ["{}"],
            {"architecture": "resnet101"},
            {},
            "--member, --architecture: give what is said of a network among several in its --member",
        ),
        (
            ["{}", "{architecture: efficientnet-lite1}"],
            {},
            {"bound_space": "normalised"},
            "--bound-space: several networks do not share a normalised space; set `bound_space: pixel`",
        ),
    ],
)
def test_faults_of_members(words, alone, method, message):
    with pytest.raises(InputError) as caught:
        read_members(words, NetworkOptions(**alone), AttackOptions(**method))

    assert str(caught.value).startswith(message)


def test_one_network_is_a_member_with_its_own_options():
    alone = NetworkOptions(architecture="resnet101", scales=[1, 0.5])

    (member,) = read_members([], alone, AttackOptions(bound_space="normalised"))

    assert member == MemberOptions(**alone.model_dump())


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (
            "attacks.cv-pire.network",
            "resnet",
            "attacks.cv-pire.network: unknown name 'resnet'; section networks has lite0, lite1",
        ),
        ("attacks.sd-pire.variance", "SD", "attacks.sd-pire.variance: unknown name 'SD'; section variance has cv, sd"),
        ("victims", ["lite1", "lite2"], "victims: unknown name 'lite2'; section networks and systems has lite0, lite1"),
        (
            "figures",
            {"4.3": {"dataset": "oxford"}},
            "figures.4.3.dataset: unknown name 'oxford'; section datasets has demo, mine",
        ),
        (
            "figures",
            {"4.3": {"attack": "pire"}},
            "figures.4.3.attack: unknown name 'pire'; section attacks has cv-pire, sd-pire",
        ),
        (
            "datasets.demo.attacks",
            ["pire"],
            "datasets.demo.attacks: unknown name 'pire'; section attacks has cv-pire, sd-pire",
        ),
        (
            "audit",
            {"photos": "x"},
            "audit: expected both folders, photos and published, or neither (the author's repository)",
        ),
        (
            "attacks",
            {"cv-pire": {"network": "lite0", "compared": False}},
            "attacks: expected at least one that stands in Table 4.1 (compared: true)",
        ),
        ("audit", {}, "audit: expected a dataset (oxford5k or paris6k), or the folders photos and published"),
    ],
)
def test_options_that_do_not_fit_together(path, value, line):
    assert faults(changed(path, value)) == [f"my.yaml: {line}"]


@pytest.mark.parametrize(
    ("section", "taken"),
    [("attacks", name) for name in ("original", "variance", "descriptors")]
    + [("datasets", name) for name in ("tables", "figures", "logs", "audit", "distractors")],
)
def test_names_that_folders_of_results_have_are_refused(section, taken):
    (line,) = faults(changed(f"{section}.{taken}", copy.deepcopy(next(iter(RAW[section].values())))))

    assert f"`{taken}` is taken" in line


@pytest.mark.parametrize("section", ["datasets", "networks", "variance", "attacks"])
@pytest.mark.parametrize("name", ["a/b", "..", "", " a", "a b", "-a", "ä"])
def test_names_stand_in_paths(section, name):
    lines = faults(changed([section, name], copy.deepcopy(next(iter(RAW[section].values())))))

    assert len(lines) == 1
    assert f"{section}.{name}" in lines[0]


@pytest.mark.parametrize("section", ["datasets", "networks", "variance", "attacks"])
@pytest.mark.parametrize("value", [None, [], {}, "cv", 3])
def test_a_section_of_another_kind(section, value):
    lines = faults(changed(section, value))

    assert lines[0].startswith(f"my.yaml: {section}: ")


@pytest.mark.parametrize("section", ["datasets", "networks", "variance", "attacks"])
def test_a_missing_section(section):
    raw = copy.deepcopy(RAW)
    del raw[section]

    assert faults(raw) == [f"my.yaml: {section}: is missing"]


@pytest.mark.parametrize("section", ["saving", "quality", "retrieval"])
@pytest.mark.parametrize("value", [None, [], "cv", 3])
def test_an_optional_section_of_another_kind(section, value):
    (line,) = faults(changed(section, value))

    assert line.startswith(f"my.yaml: {section}: ")


def test_every_fault_has_its_line():
    raw = changed("variance.cv.kernel_size", 4)
    raw["attacks"]["cv-pire"]["iterations"] = 0
    raw["seed"] = "x"

    places = {line.split(": ")[1] for line in faults(raw)}

    assert places == {"variance.cv.kernel_size", "attacks.cv-pire.iterations", "seed"}


@pytest.mark.parametrize("kind", ["fodler", None])
def test_an_unknown_kind_of_dataset(kind):
    (line,) = faults(changed("datasets.mine.kind", kind))

    assert line.startswith("my.yaml: datasets.mine")
    assert "kind" in line


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: [1, 2\nb: 3\n", "not valid YAML"),
        (b"a: 1\n\tb: 2\n", "not valid YAML"),
        (b"a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        (b"name: B\xfcro\n", "not valid YAML"),
        (b"- a\n- b\n", "expected a mapping of options, found list"),
        (b"", "expected a mapping of options, found NoneType"),
        (b"just words", "expected a mapping of options, found str"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, text):
    path = tmp_path / "my.yaml"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        read_config(path)

    assert str(caught.value).startswith(f"{path}: {text}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.yaml", "nowhere/my.yaml", "."])
def test_a_configuration_that_cannot_be_read(tmp_path, name):
    with pytest.raises(InputError) as caught:
        read_config(tmp_path / name)

    assert str(caught.value).startswith(f"{tmp_path / name}: ")


# --- Presets and defaults ---------------------------------------------------------------------------------------------


def values(section):
    """A section as plain values."""
    return section.model_dump()


def test_the_text_is_the_default():
    config = load_config(RAW)

    cv, sd = config.variance["cv"], config.variance["sd"]
    assert values(cv) == {
        "kind": "colour",
        "kernel_size": 5,
        "sigma": 1.0,
        "difference": "ciede2000",
        "mean_over": "window",
        "luma": "bt709",
        "deviation_divisor": "count",
        "normalisation": "maximum",
        "power": 1.0,
        "parts": ["colour", "masking"],
        "joined_by": "geometric-mean",
    }
    assert (sd.kernel_size, sd.luma, sd.deviation_divisor) == (3, "bt709", "count")
    attack = config.attacks["cv-pire"]
    assert (attack.objective, attack.bound_space, attack.projection) == ("descriptor-distance", "pixel", "after-step")
    assert attack.saving.enlargement == "minimal"
    assert (config.quality.data_range, config.quality.window) == (1, 7)
    assert config.retrieval.average_precision == "sum"
    assert load_config({**RAW, "preset": "text"}) == config


def test_the_released_preset_is_what_the_released_code_does():
    config = load_config({**RAW, "preset": "released"})

    for variance in config.variance.values():
        assert variance.mean_over == "neighbours"
        assert variance.luma == "bt601-truncated"
        assert variance.deviation_divisor == "count-squared"
        assert variance.normalisation == "stretched-8-bit"
        assert (variance.sigma, variance.difference) == (1, "ciede2000")
    assert [variance.kernel_size for variance in config.variance.values()] == [5, 3]
    for attack in config.attacks.values():
        assert (attack.objective, attack.bound_space, attack.projection) == (
            "descriptor-sum",
            "normalised",
            "before-step",
        )
        assert attack.learning_rate == 0.05
        assert attack.saving == config.saving
    assert values(config.saving) == {
        "enlargement": "released",
        "rounding": "nearest",
        "range": "clip",
        "format": "jpeg",
        "quality": 75,
        "subsampling": "4:2:0",
    }
    assert values(config.quality) == {"window": 7, "data_range": 2, "measures": QualityOptions().measures}
    assert config.retrieval.average_precision == "trapezoid"
    for dataset in config.datasets.values():
        assert (dataset.decoder, dataset.profile, dataset.clean_twin, dataset.query, dataset.longest_side) == (
            "libjpeg-9",
            "ignore",
            "relevant",
            "whole",
            None,
        )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("datasets.demo.decoder", "libjpeg-turbo"),
        ("datasets.demo.profile", "convert"),
        ("datasets.mine.clean_twin", "junk"),
        ("variance.cv.mean_over", "window"),
        ("variance.sd.deviation_divisor", "count"),
        ("attacks.cv-pire.objective", "descriptor-distance"),
        ("attacks.cv-pire.bound_space", "pixel"),
        ("saving.enlargement", "none"),
        ("quality.data_range", 1.0),
        ("retrieval.average_precision", "sum"),
    ],
)
def test_a_given_option_overrides_the_preset_and_nothing_else(place, value):
    section, *names = place.split(".")
    preset = load_config({**RAW, "preset": "released"}).model_dump()

    config = load_config(changed(place, value, preset="released")).model_dump()

    expected = preset
    for name in [section, *names[:-1]]:
        expected = expected[name]
    assert expected[names[-1]] != value
    expected[names[-1]] = value
    if section == "saving":
        for attack in preset["attacks"].values():
            attack["saving"][names[-1]] = value
    assert config == preset


@pytest.mark.parametrize(
    "section", [PhotoOptions, VarianceOptions, AttackOptions, SavingOptions, QualityOptions, RetrievalOptions]
)
def test_a_preset_sets_options_that_exist(section):
    assert preset_values(section, "text") == {}
    released = preset_values(section, "released")
    assert released
    assert section.model_validate(released) != section()


def test_an_attacks_saving_starts_from_the_common_one():
    raw = changed("attacks.cv-pire.saving", {"quality": 90, "enlargement": "none"}, preset="released")
    raw["saving"] = {"quality": 60, "subsampling": "4:4:4"}

    config = load_config(raw)

    common = {"enlargement": "released", "rounding": "nearest", "range": "clip", "format": "jpeg", "quality": 60}
    common["subsampling"] = "4:4:4"
    assert values(config.saving) == common
    assert values(config.attacks["sd-pire"].saving) == common
    assert values(config.attacks["cv-pire"].saving) == {**common, "quality": 90, "enlargement": "none"}


def test_folders_of_datasets_come_from_the_top_where_they_are_not_given():
    raw = changed("datasets.other", {"kind": "folder"}, folder="top", ground_truth="top.pkl")

    config = load_config(raw)

    assert (config.datasets["mine"].folder, config.datasets["mine"].ground_truth) == ("photos", "truth.json")
    assert (config.datasets["other"].folder, config.datasets["other"].ground_truth) == ("top", "top.pkl")


def test_a_folder_dataset_without_a_folder_is_refused():
    lines = faults(changed("datasets.other", {"kind": "folder"}))

    assert [line.split(": ")[1] for line in lines] == ["datasets.other.folder", "datasets.other.ground_truth"]


def test_sections_without_options_have_the_defaults():
    config = load_config(changed("variance.plain", None))

    assert config.variance["plain"] == VarianceOptions()


def test_numbers_may_be_written_as_yaml_1_1_does_not_know_them():
    config = load_config(yaml.safe_load(yaml.safe_dump(RAW) + "\nquality: {data_range: 1e-3}\n"))

    assert config.quality.data_range == 0.001


def test_all_multipliers_and_checkpoints_ascend_without_repetition():
    attack = AttackOptions(
        multiplier=50, other_multipliers=[80, 50, 20], iterations=10, other_iterations=[7, 3, 10], network="lite0"
    )

    assert attack.multipliers == [20, 50, 80]
    assert attack.checkpoints == [3, 7, 10]
    assert AttackOptions(iterations=100, other_iterations=[150]).checkpoints == [100, 150]
    assert AttackOptions().multipliers == [50]
    assert AttackOptions().checkpoints == [100]


def test_victims_are_each_attacks_own_network_unless_named():
    assert load_config(changed("attacks.sd-pire.network", "lite1")).victims_of("sd-pire", "demo") == ["lite1"]
    assert load_config(changed("victims", ["lite0", "lite1"])).victims_of("sd-pire", "demo") == ["lite0", "lite1"]


def test_the_suffix_is_the_formats():
    assert SavingOptions().suffix == ".jpg"
    assert SavingOptions(format="png").suffix == ".png"


def test_loading_changes_nothing():
    raw = changed("saving", {"quality": 60}, preset="released", folder="x", ground_truth="y")
    before = copy.deepcopy(raw)

    config = load_config(raw)

    assert raw == before
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3


# --- The command line and editors -------------------------------------------------------------------------------------


def parsed(line, section):
    """Options of a command line back as a section; each name until the next is one option's values."""
    given = {}
    for word in shlex.split(line):
        if word.startswith("--"):
            key = word.removeprefix("--").replace("-", "_")
            given.setdefault(key, [])
        else:
            given[key].append(word)
    repeated = ("other_multipliers", "other_iterations", "mean", "std", "scales", "measures")
    repeated += ("through", "sampled", "parts")
    flags = {key.removeprefix("no_"): not key.startswith("no_") for key, words in given.items() if not words}
    words = {key: words if key in repeated else words[0] for key, words in given.items() if words}
    return section.model_validate(words | flags)


@pytest.mark.parametrize(
    "options",
    [
        PhotoOptions(),
        PhotoOptions(decoder="libjpeg-9", longest_side=256),
        VarianceOptions(kind="luminance", sigma=0.1 + 0.2),
        NetworkOptions(weights="my folder/it's $HOME; rm *.pth", gem_power=2.5),
        NetworkOptions(architecture="resnet101", mean=(0, 0.5, 1), std=(1, 1e-3, 1)),
        NetworkOptions(pooling="rmac", whitening="learned", scales=[1, 2**-0.5, 0.5]),
        QualityOptions(window=11, data_range=2),
        QualityOptions(measures=["ssim", "vsi"]),
        RetrievalOptions(average_precision="trapezoid"),
        SavingOptions(format="png", subsampling="4:4:4"),
        AttackOptions(label='CV-PIRE "2"', other_multipliers=[20, 80.5], other_iterations=[1, 2], learning_rate=2.5e-4),
        AttackOptions(),
        AttackOptions(dropout=0.2, optimiser="sign", momentum=0.9, decay=1 / 3),
        AttackOptions(objective="target", target='my "photo\'s".jpg', chroma=0, through=["saving", "eight-bit"]),
        AttackOptions(samples=3, sampled=[CROP, {"kind": "jpeg", "range": (45, 95), "share": 1 / 3}]),
    ],
    ids=lambda options: type(options).__name__,
)
def test_options_of_the_command_line_round_trip(options):
    line = as_options(options)

    assert parsed(line, type(options)) == options
    flags = [word for word in shlex.split(line) if word.startswith("--")]
    assert flags == sorted(flags, key=lambda flag: flag.replace("--no-", "--", 1))


def test_a_changed_number_changes_the_options():
    assert as_options(VarianceOptions()) == as_options(VarianceOptions(sigma=1))
    assert as_options(VarianceOptions()) != as_options(VarianceOptions(sigma=1.0000001))


def test_options_can_be_chosen():
    assert as_options(SavingOptions(), "quality", "format") == "--format jpeg --quality 75"
    assert as_options(PhotoOptions(), "longest_side") == ""


def test_schema_is_in_step():
    assert (CONFIGS / "schema.json").read_text(encoding="utf-8") == schema()


def test_schema_explains_every_option():
    definitions = json.loads(schema())
    for section in [definitions, *definitions["$defs"].values()]:
        assert section["description"]
        assert section["additionalProperties"] is False
        for name, option in section["properties"].items():
            assert option.get("description"), name


# --- The configurations that come with the project --------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_configurations_are_valid(path):
    text = path.read_text(encoding="utf-8")
    raw = yaml.safe_load(text)
    needs_folder = any(dataset["kind"] == "folder" and "folder" not in dataset for dataset in raw["datasets"].values())
    given = {"folder": "photos", "ground_truth": "truth.json"} if needs_folder else {}

    config = load_config({**raw, **given}, path.name)

    for name, attack in config.attacks.items():
        if name.startswith("pire"):
            assert attack.objective == "descriptor-distance", "in PIRE, the released code follows the text"
            assert config.variance[attack.variance].kind == "uniform"
    assert "schema.json" in text.splitlines()[0], "editors find the schema by this line"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_configurations_fit_the_schema_that_editors_use(path):
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(schema()))


def test_the_demo_is_the_default_configuration():
    config = read_config(CONFIGS / "config.yaml")

    assert {dataset.kind for dataset in config.datasets.values()} == {"demo"}
    assert {network.weights for network in config.networks.values()} == {"package"}, "the demo needs no download"


# --- Files that nobody would write ------------------------------------------------------------------------------------

LAUGHS = "\n".join(["a0: &a0 [ha]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (LAUGHS, "its aliases stand for more than 100000 values"),
        ("a: &a {<<: [*a, *a]}", "its aliases stand for more than 100000 values"),
        ("datasets: &a {x: *a}", "its aliases stand for more than 100000 values"),
        ("[" * 5000, "maximum recursion depth"),
        ("seed: " + "9" * 5000, "digits"),
        ("seed: 2001-99-99", "month must be in 1..12"),
        ("seed: !!bool x", "'x'"),
        ("seed: " + "9" * 2**18, "more than 262144 bytes"),
    ],
    ids=["aliases", "merged", "itself", "deep", "digits", "date", "tag", "long"],
)
def test_yaml_that_cannot_be_read_is_one_clear_error(tmp_path, text, fault):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"config.yaml: not valid YAML \(") as caught:
        read_config(tmp_path / "config.yaml")
    assert fault in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_any_number_of_faults_is_told_in_few_lines():
    with pytest.raises(InputError) as caught:
        load_config({f"key-{number}": 0 for number in range(1000)} | {"seed": "a" * 10**6}, "config.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert all(line.startswith("config.yaml: ") and len(line) < 500 for line in lines)
    assert "more faults" in lines[-1]


# --- What the command line gives --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["2024", "2024_05", "007", "1e5", "true", "null", "[a]", "a: b", "x=y"])
def test_a_text_of_the_command_line_stays_as_it_was_written(folder):
    del (raw := changed())["datasets"]["mine"]["folder"]
    read = load_config({**raw, "folder": 7}, "my.yaml", [f"folder={folder}", "seed=3"])
    assert read.folder == read.datasets["mine"].folder == folder
    assert load_config(raw | {"folder": 7}, "my.yaml", ["folder='photos'"]).datasets["mine"].folder == "photos"


@pytest.mark.parametrize("value", [2024, 202405, 7, 1e5, True, date(2024, 5, 1)])
def test_a_text_that_yaml_reads_as_something_else_is_to_be_quoted(value):
    (line,) = faults(changed("datasets.mine.folder", value))
    assert line.startswith("my.yaml: datasets.mine.folder: must be text; it is read as ")
    assert "unless it stands in quotes" in line and f"(given: {value!r})" in line


def test_a_name_that_yaml_reads_as_a_number_is_to_be_quoted():
    (line,) = faults(changed(["datasets", 202405], {"kind": "demo", "part": "a"}))
    assert line.startswith("my.yaml: datasets.202405: must be text; it is read as a number unless it stands in quotes")


@pytest.mark.parametrize(
    ("entries", "place", "value"),
    [
        (["attacks.cv-pire.multiplier=30"], "attacks.cv-pire.multiplier", 30),
        (["attacks.cv-pire.multiplier=42.857142"], "attacks.cv-pire.multiplier", 42.857142),
        (["attacks.cv-pire.other_multipliers=[10, 20]"], "attacks.cv-pire.other_multipliers", [10, 20]),
        (["attacks.cv-pire.label=007"], "attacks.cv-pire.label", "007"),
        (["attacks.cv-pire.label=a=b"], "attacks.cv-pire.label", "a=b"),
        (["attacks.cv-pire.saving.quality=90"], "attacks.cv-pire.saving.quality", 90),
        (["saving.quality=90"], "attacks.sd-pire.saving.quality", 90),
        (["variance.cv.sigma=2", "variance.cv.kernel_size=7"], "variance.cv.kernel_size", 7),
        (["variance.cv.sigma=2", "variance.cv.kernel_size=7"], "variance.cv.sigma", 2),
        (["seed=5"], "seed", 5),
        (["datasets.mine.longest_side="], "datasets.mine.longest_side", None),
        (["networks.b.c.scales=[1, 2]"], ["networks", "b.c", "scales"], [1, 2]),
        (["figures.4.6.seed=8"], ["figures", "4.6", "seed"], 8),
    ],
)
def test_one_option_is_set_on_the_command_line(entries, place, value):
    raw = changed("datasets.mine.longest_side", 64, figures={"4.6": {}})
    raw["networks"]["b.c"] = {}
    before = copy.deepcopy(raw)
    found = load_config({**raw, "set": entries[-1]}, "my.yaml", [f"set={entry}" for entry in entries])
    for key in place.split(".") if isinstance(place, str) else place:
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == value
    assert raw == before


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "attacks.cv-pire.multiplier",
            "set=attacks.cv-pire.multiplier: expected --config set=SECTION.NAME.OPTION=VALUE",
        ),
        ("=3", "set==3: expected --config set="),
        ("attacks.cvpire.multiplier=3", "no 'cvpire' there; section attacks has cv-pire, sd-pire"),
        ("attacks.cv-pire.multiplier.x=3", "set=attacks.cv-pire.multiplier.x: multiplier is no section"),
        ("attacks.cv-pire.other_multipliers=[1", "set=attacks.cv-pire.other_multipliers: not valid YAML"),
        ("attacks.cv-pire.multiplier=x", "my.yaml and --config: attacks.cv-pire.multiplier: must be a number"),
        ("attacks.cv-pire.multplier=3", "my.yaml and --config: attacks.cv-pire.multplier: unknown key"),
        ("attack.cv-pire.multiplier=3", "my.yaml and --config: attack: unknown key"),
    ],
)
def test_what_cannot_be_set_is_named(entry, message):
    raw = changed("attacks.cv-pire.multiplier", 50)
    with pytest.raises(InputError) as caught:
        load_config({**raw, "set": entry}, "my.yaml", [f"set={entry}"])
    assert message in str(caught.value)


def test_set_is_no_option_of_a_file():
    assert faults(changed(set="seed=3")) == ["my.yaml: set: unknown key (given: 'seed=3')"]
