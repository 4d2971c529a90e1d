"""Commands from a photo to what is measured of it: one a stage."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from cvpire import config, files
from cvpire.cli import outputs as written
from cvpire.cli.frame import STAGES, Device, Output, Photo, Seed, Threads, app
from cvpire.cli.outputs import writes
from cvpire.cli.sections import options_of
from cvpire.config.attacks import BESIDE_THE_ATTACK, read_members
from cvpire.config.systems import BESIDE_THE_DESCRIPTOR
from cvpire.errors import InputError, about
from cvpire.layout import number
from cvpire.progress import progress


@app.command(rich_help_panel=STAGES)
@writes(output=written.PREPARED)
@options_of(photo_options=config.PhotoOptions)
def prepare(
    photo: Photo,
    output: Output,
    photo_options: config.PhotoOptions,
    box: Annotated[tuple[float, float, float, float] | None, typer.Option(help="Bounding box: x0 y0 x1 y1.")] = None,
) -> None:
    """Read a photo of any kind and write it upright, as 8-bit RGB and at the declared size, without metadata (PNG)."""
    from PIL import Image

    from cvpire.photos import load_photo

    pixels = load_photo(photo, **photo_options.model_dump(), box=box)
    with files.whole(output) as temporary:
        Image.fromarray(pixels).save(temporary, "png")


@app.command(rich_help_panel=STAGES)
@writes(output=written.MAP)
@options_of(photo_options=config.PhotoOptions, variance_options=config.VarianceOptions)
def variance(
    photo: Photo,
    output: Annotated[Path, typer.Argument(help=".npy: float32 (H, W) in [0, 1]; .png: 8 bits.")],
    photo_options: config.PhotoOptions,
    variance_options: config.VarianceOptions,
    device: Device = "cpu",
) -> None:
    """Compute the variance map of a photo (Algorithm 1, eq. 3.7)."""
    from cvpire.photos import load_photo
    from cvpire.variance.maps import check_suffix, variance_map, write_variance_map

    if device != "cpu":  # only then torch, which takes longer to import than a map to compute
        from cvpire.networks.device import choose_device

        device = choose_device(device).type
    check_suffix(output)
    pixels = load_photo(photo, **photo_options.model_dump())
    with about(photo):
        values = variance_map(pixels, variance_options, device=device)
    write_variance_map(output, values)


@app.command(rich_help_panel=STAGES)
@writes(outputs=written.ATTACKED)
@options_of(
    photo_options=config.PhotoOptions,
    network_options=(config.NetworkOptions, BESIDE_THE_DESCRIPTOR),
    method=(config.AttackOptions, BESIDE_THE_ATTACK),
    saving_options=config.SavingOptions,
)
def attack(
    photo: Photo,
    variance_map: Annotated[Path, typer.Argument(metavar="MAP", help="Its variance map (.npy or 8-bit .png).")],
    outputs: Annotated[
        list[Path],
        typer.Argument(
            help=".npz: the perturbations at each multiplier and checkpoint; .jpg, .png: a query as of `cvpire save`, "
            "at the multiplier and iteration that a folder m50_T100 says, else --multiplier and --iterations; .csv: "
            "the multiplier that --calibrate has found."
        ),
    ],
    photo_options: config.PhotoOptions,
    network_options: config.NetworkOptions,
    method: config.AttackOptions,
    saving_options: config.SavingOptions,
    member: Annotated[
        list[str],
        typer.Option(
            help="A network among several that are attacked, instead of the options of one, like "
            "'{architecture: resnet50-thin, learnt: centre, learnt_file: learnt.npz, weight: 2}'."
        ),
    ] = [],  # noqa: B006
    attack: Annotated[str, typer.Option(help="The attack's name, one of the seeds.")] = "cv-pire",
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Optimise the perturbation of a photo (Algorithm 2), and save it or the adversarial queries that it makes."""
    from cvpire.attack.loading import load_members
    from cvpire.networks.device import use_threads
    from cvpire.perturbations import write_perturbations
    from cvpire.photos import load_photo, load_variance_map

    wanted = _attacked_queries(outputs, method, saving_options)  # before any work
    use_threads(threads)
    pixels = load_photo(photo, **photo_options.model_dump())
    bound = load_variance_map(variance_map, pixels.shape[:2])
    networks = load_members(read_members(member, network_options, method), device)
    # As the file that is asked for, whose suffix says the format.
    method = method.model_copy(update={"saving": wanted[0][2] if wanted else saving_options})
    goal = _goal(method, photo_options, longest_side=max(pixels.shape))
    names = {"name": attack, "photo": photo.stem, "seed": seed, "goal": goal}
    with about(photo), progress(f"attack {photo.name}") as show:
        found, calibration = _attacked(pixels, bound, networks, method, **names, progress=show)
    for output in outputs:
        if output.suffix.lower() == ".csv":
            at = {"multiplier": method.multiplier, "iteration": method.iterations}
            files.write_rows(output, [{"query": photo.stem, **at, **calibration._asdict()}])
        elif output not in (query for query, *_ in wanted):
            write_perturbations(output, found)
    _save(pixels, found, wanted)


@app.command(rich_help_panel=STAGES)
@writes(outputs=written.SAVED)
@options_of(photo_options=config.PhotoOptions, saving_options=config.SavingOptions)
def save(
    photo: Photo,
    perturbation: Annotated[Path, typer.Argument(help=".npz of `cvpire attack`.")],
    outputs: Annotated[
        list[Path], typer.Argument(help="Files; a folder m50_T100 says which multiplier and iteration go there.")
    ],
    photo_options: config.PhotoOptions,
    saving_options: config.SavingOptions,
    multiplier: Annotated[float | None, typer.Option(help="Multiplier, where no folder says it.")] = None,
    iteration: Annotated[int | None, typer.Option(help="Iteration, where no folder says it.")] = None,
) -> None:
    """Save the adversarial queries of a photo as files (section 3.3.1)."""
    from cvpire.perturbations import read_perturbations
    from cvpire.photos import load_photo

    wanted = _wanted(outputs, saving_options, multiplier, iteration)  # before any work
    pixels = load_photo(photo, **photo_options.model_dump())
    _save(pixels, read_perturbations(perturbation, pixels.shape[:2]), wanted)


@app.command(rich_help_panel=STAGES)
@writes(outputs=written.SAVED)
@options_of(photo_options=config.PhotoOptions, saving_options=config.SavingOptions)
def save_plain(
    photos: Annotated[list[Path], typer.Argument(help="Photos as `cvpire prepare` reads them.")],
    outputs: Annotated[list[Path], typer.Option("--out", help="The file of each, in this order.")],
    photo_options: config.PhotoOptions,
    saving_options: config.SavingOptions,
) -> None:
    """Save photos as attacked ones are saved, without any attack: what saving alone costs."""
    from cvpire.photos import load_photo
    from cvpire.saving import encode

    if len(photos) != len(outputs):
        raise InputError(f"--out: {len(outputs)} files to write for {len(photos)} photos; give one for each")
    for (output, _, options), photo in zip(_wanted(outputs, saving_options, None, None), photos, strict=True):
        pixels = load_photo(photo, **photo_options.model_dump())
        how = {"format": options.format, "quality": options.quality, "subsampling": options.subsampling}
        files.write_bytes(output, encode(pixels, **how))


@app.command(rich_help_panel=STAGES)
@writes(csv=written.QUALITY)
@options_of(photo_options=config.PhotoOptions, quality_options=config.QualityOptions)
def quality(
    original: Photo,
    altered: Annotated[list[Path], typer.Argument(help="Altered photos.")],
    photo_options: config.PhotoOptions,
    quality_options: config.QualityOptions,
    csv: Annotated[Path | None, typer.Option(help="Write a table, with multiplier and iteration by folder.")] = None,
) -> None:
    """Measure altered photos against their original (SSIM, MSE, NRMSE, PSNR, CIEDE2000): JSON, or a CSV file.

    With --measures also SSIMULACRA2, VSI, MDSI, FSIMc and HaarPSI, which see colour and take longer.

    Equal photos have an infinite PSNR, a black original no NRMSE: null in JSON, inf and nan in a CSV file.
    """
    from cvpire.quality.compare import quality_json, quality_rows

    rows = quality_rows(original, altered, photo_options, quality_options)
    if csv is not None:
        files.write_rows(csv, rows)
    else:
        typer.echo(quality_json(rows))


def _attacked_queries(outputs: list[Path], method: config.AttackOptions, saving: config.SavingOptions):
    """Of the outputs of an attack, those that are queries, each with its multiplier, iteration and saving."""
    from cvpire.perturbations import position
    from cvpire.saving import FORMATS

    queries = [output for output in outputs if output.suffix.lower() in FORMATS]
    wanted = _wanted(queries, saving, method.multiplier, method.iterations)
    for _, variant, _ in wanted:
        position(*variant, method.multipliers, method.checkpoints)
    for output in outputs:
        if output.suffix.lower() == ".csv" and not method.calibrates:
            raise InputError(f"{output}: is to say what calibration has found; give --calibrate")
    return wanted


def _goal(method: config.AttackOptions, photo_options: config.PhotoOptions, longest_side: int):
    """Read the photo that an attack goes for, where it goes for one."""
    from cvpire.photos import load_photo

    reading = photo_options.model_dump() | {"longest_side": longest_side}
    return load_photo(Path(method.target), **reading) if method.target else None


def _attacked(pixels, bound, networks, method, **told):
    """Attack a photo, and find its multiplier where that is asked for, else None."""
    if not method.calibrates:  # which alone imports what measures quality
        from cvpire.attack.loop import attack_photo

        return attack_photo(pixels, bound, networks, method, **told), None
    from cvpire.attack.calibration import calibrate_photo

    found, calibration = calibrate_photo(
        pixels, bound, networks, method, **told, quality_options=config.QualityOptions()
    )
    if not calibration.within_limit:
        logging.warning(
            "%s: no multiplier keeps the limit %.4g; %s has %.4g",
            told["photo"],
            calibration.limit,
            number(calibration.found_multiplier),
            calibration.value,
        )
    return found, calibration


def _wanted(outputs: list[Path], options: config.SavingOptions, multiplier: float | None, iteration: int | None):
    """Files of queries, each with its multiplier and iteration and with how it is saved: in the format of its suffix.

    Where no folder says multiplier and iteration, they are those that are given.
    """
    from cvpire.layout import read_variant
    from cvpire.saving import file_format

    return [
        (
            output,
            read_variant(output) or (multiplier, iteration),
            options.model_copy(update={"format": file_format(output, options)}),
        )
        for output in outputs
    ]


def _save(pixels, found, wanted) -> None:
    """Save queries of a photo, or none of them where a perturbation is not there."""
    from cvpire.saving import adversarial_query

    perturbed = [found.at(*variant) for _, variant, _ in wanted]
    for (output, _, options), values in zip(wanted, perturbed, strict=True):
        files.write_bytes(output, adversarial_query(pixels, values, found.unit, options))
