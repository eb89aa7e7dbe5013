"""`download` of geetiles: a chip of a dataset for each tile."""

from __future__ import annotations

from typing import Any

from rich_click import option

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.geet.translated import TILES_FILE, Words, either, old, whole_numbers

_IGNORED = {
    "--skip_if_exists ": "a chip that is there is never asked for again; --again of `tiles download` begins anew",
    "--skip_confirm ": "nothing is asked",
    "--shuffle ": "chips come in the order of the file",
    "--n_processes": "how many requests are under way is `at_once` under [pixels] in config.toml",
    "--dtype": "a chip has the number type of its image",
    "--ee_auth_mode": "who you are is said under [credentials.google] in config.toml; see `orchestrator doctor`",
    "--gee_auth_mode": "as --ee_auth_mode",
}


@old(
    "download",
    TILES_FILE,
    option("--dataset_def", metavar="NAME|FILE.py", help="What to bring: a dataset's name, or code of your own."),
    option("--gee_image_pycode", metavar="NAME|FILE.py", help="The same, as 0.1.3 spells it."),
    option("--dataset_name", metavar="NAME", help="Folder of the chips."),
    option("--pixels_lonlat", metavar="[W,H]", help="Pixels of every chip."),
    option("--meters_per_pixel", type=float, metavar="M", help="Side of a pixel, instead."),
    option("--max_downloads", type=int, metavar="N", help="The first N tiles only."),
    option("--groups", metavar="A,B", help="Tiles of these groups only."),
    option("--aoi", metavar="NAME", help="Tiles in this area only."),
    option("--project", metavar="NAME", help="Google Cloud project."),
    option("--sandbox", is_flag=True, help="Use a private sandbox instead of Google, for this command."),
    option("--sandbox-url", metavar="URL", help="Use a sandbox that runs already."),
    ignored=_IGNORED,
)
def old_download(tiles_file: str, dataset_def: str | None, gee_image_pycode: str | None, **given: Any) -> Words:
    """Bring a chip of a dataset for each tile: `tiles download`."""
    dataset = either(dataset_def, gee_image_pycode, "--dataset_def", "--gee_image_pycode")
    if given["groups"] or given["aoi"]:
        raise UserError(
            "--groups and --aoi choose tiles; `tiles download --where 'CONDITION'` and `tiles select` do here"
        )
    words = ["tiles", "download", tiles_file, "--dataset", dataset, *_size(given)]
    more = {"--name": given["dataset_name"], "--first": given["max_downloads"], "--sandbox-url": given["sandbox_url"]}
    words += [word for name, value in more.items() if value is not None for word in (name, str(value))]
    return words + (["--sandbox"] if given["sandbox"] else [])


def _size(given: dict[str, Any]) -> list[str]:
    """Return how large chips are: by their pixels, or by the side of a pixel."""
    pixels, metres = given["pixels_lonlat"], given["meters_per_pixel"]
    if (pixels is None) == (metres is None):
        raise UserError("how large are chips? Give either --pixels_lonlat [100,100] or --meters_per_pixel 10")
    if pixels is None:
        return ["--scale", f"{metres:g}"]
    size = whole_numbers(pixels, "--pixels_lonlat", "[100,100]")
    if len(size) != 2 or min(size) < 1:
        raise UserError(
            f"--pixels_lonlat is {pixels!r}; write two numbers above 0, for example --pixels_lonlat [100,100]"
        )
    return ["--pixels", *map(str, size)]
