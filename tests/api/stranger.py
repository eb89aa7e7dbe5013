"""A program of somebody else's; a test checks its types, nobody runs it."""

from pathlib import Path

import orchestrator as orc


def shares(name: str) -> dict[str, float]:
    """Bring a job to its result; return how much of it holds data."""
    job = orc.Job(
        (14.4, 46.0, 14.5, 46.1), "sentinel2-cloudless", ("2024-06-01", "2024-07-01"), name=name, bands=["B4"], scale=20
    )
    plan: orc.Plan = orc.plan(job)
    bands, height, width = plan.shape
    print(plan.tasks * plan.parts, bands * height * width, plan.notes[:1], plan.job == job)
    with orc.sandbox(state_dir=Path("state")) as connection:
        print(connection.url.upper())
        try:
            result = orc.run(job, progress=False)
        except orc.NeedsPerson as error:
            print(error)
            (run,) = orc.runs(name=name)
            run.retry(min_valid=0.1)
            result = run.wait()
        except (orc.RunFailed, orc.UserError) as error:
            raise SystemExit(error.exit_code) from error
    return {band: share for band, share in result.valid.items() if share < 1}


def begin(path: Path) -> orc.Run:
    """Begin a job of a file."""
    orc.connect(project="p", bucket="b")
    run = orc.submit(orc.Job.from_file(path))
    if run.state is orc.RunState.HELD:
        print("; ".join(run.why().because), run.report.reason)
    size: int = run.wait().bytes
    print(size, run.result.path.name, run.result.preview().path)
    return run


def teach(area: Path) -> list[str]:
    """Cut an area into tiles, split them, bring a chip of each; return the tiles that lack one."""
    tiles = orc.tiles.grid(area, 1000, folder=Path("tiles"))
    split, report = orc.tiles.split(tiles, gap=1000.0, balance="width")
    print(report.near, len(split.frame), orc.labels.balance(split, "lc").shape)
    chips = orc.chips(split, "esa-world-cover", pixels=100, first=20)
    orc.dataset.pack(split, "esa-world-cover", folder=Path("set"))
    return [each.upper() for each in chips.missing]
