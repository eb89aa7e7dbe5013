"""Verbs of geetiles that count labels and pack them with images: lp.compute, lp.from_foreign, zip.dataset."""

from __future__ import annotations

from pathlib import Path

from rich_click import option

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.geet.translated import FOREIGN_FILE, TILES_FILE, Words, either, old, whole_numbers
from orchestrator.faces.cli.output import Output

OWN_MAP = "own"  # of `labels count --map` and `dataset pack --label-map`
_LABELS = (
    option("--labels_dataset_def", metavar="NAME", help="Whose classes, by the map of the dataset."),
    option("--dataset_name", metavar="NAME", help="Whose classes, as 0.1.3 spells it: values as they are."),
)


@old("lp.compute", TILES_FILE, *_LABELS)
def old_lp_compute(tiles_file: str, labels_dataset_def: str | None, dataset_name: str | None) -> Words:
    """Count the share of each class in each tile: `labels count --legacy`."""
    name = either(labels_dataset_def, dataset_name, "--labels_dataset_def", "--dataset_name")
    mapped = ["--map", OWN_MAP] if labels_dataset_def and _has_map(name) else []
    return ["labels", "count", tiles_file, "--dataset", name, *mapped, "--legacy", "--overwrite"]


@old("lp.from_foreign", TILES_FILE, FOREIGN_FILE, *_LABELS)
def old_lp_from_foreign(
    tiles_file: str, foreign_tiles_file: str, labels_dataset_def: str | None, dataset_name: str | None
) -> Words:
    """Give each tile the shares of the coarser tiles in which it lies: `labels from --legacy`."""
    name = either(labels_dataset_def, dataset_name, "--labels_dataset_def", "--dataset_name")
    return ["labels", "from", tiles_file, "--coarse", foreign_tiles_file, "--dataset", name, "--legacy", "--overwrite"]


def _put_beside(words: Words, output: Output) -> None:
    from orchestrator.app.verbs.packs import archive_beside  # noqa: PLC0415  arrays and GDAL are heavy

    output.say(str(archive_beside(Path(words[-1]))))


@old(
    "zip.dataset",
    TILES_FILE,
    option("--foreign_tiles_file", metavar="FILE", help="File of the coarser tiles, with shares."),
    option("--images_dataset_def", metavar="NAME", help="Dataset whose chips are the images."),
    option("--images_dataset_name", metavar="NAME", help="The same, as 0.1.3 spells it."),
    option("--labels_dataset_def", metavar="NAME", help="Dataset whose chips are the labels, by its own map."),
    option("--labels_dataset_name", metavar="NAME", help="The same, as 0.1.3 spells it, by --label_map."),
    option("--label_map", metavar="[10,20,..]", help="Values of labels that become 1, 2, ...; the others become 0."),
    option("--readme_file", metavar="FILE", help="Becomes README.txt of the archive."),
    after=_put_beside,
)
def old_zip_dataset(
    tiles_file: str, foreign_tiles_file: str | None, readme_file: str | None, **given: str | None
) -> Words:
    """Pack images and labels as pickles in a zip: `dataset pack --format zip-pickle`."""
    images = either(
        given["images_dataset_def"], given["images_dataset_name"], "--images_dataset_def", "--images_dataset_name"
    )
    spelled = given["labels_dataset_def"], given["labels_dataset_name"]
    labels = either(*spelled, "--labels_dataset_def", "--labels_dataset_name") if any(spelled) else None
    words = ["dataset", "pack", tiles_file, "--images", images]
    if labels:
        words += ["--labels", labels]
        mapped = _map(given["label_map"]) if given["label_map"] else OWN_MAP * _has_map(labels)
        words += ["--label-map", mapped] if mapped else []
    more = {"--coarse": foreign_tiles_file, "--readme": readme_file}
    words += [word for name, value in more.items() if value for word in (name, value)]
    file = Path(tiles_file)
    folder = file.parent / "_".join(filter(None, (file.name.partition("_")[0], images, labels)))
    if (beside := folder.with_name(f"{folder.name}.zip")).exists() and not folder.exists():
        raise UserError(f"{beside} is there already and was not made here; take it away, or pack with `dataset pack`")
    return [*words, "--format", "zip-pickle", "--overwrite", "-o", str(folder)]


def _map(label_map: str) -> str:
    """Return which class each value becomes: of a list the values after 0 are 1, 2, ..., as 0.1.3 has it."""
    values = whole_numbers(label_map, "--label_map", "[10,20,30]")
    numbered = values if 0 in values else [0, *values]
    return ",".join(f"{value}={number}" for number, value in enumerate(numbered))


def _has_map(dataset: str) -> bool:
    """Tell whether a dataset has classes of its own, which 0.1.7 counts and packs instead of its values."""
    from orchestrator.app.verbs.datasets import is_name, shown  # noqa: PLC0415  --help needs no datasets

    return is_name(dataset) and bool(shown(dataset).value_map)
