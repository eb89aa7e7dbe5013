"""`db` and `prune`: looking after the state database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.core.units import format_bytes, parse_seconds
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.session import Context, looking, resting


@click.group(name="db")
def db() -> None:
    """
    Look after the state database: a copy, a check, another version's schema, another place.

    It is one file of SQLite, `state.db` in the state folder, or a database of PostgreSQL: [store] url in config.toml.
    """


@db.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
@click.pass_obj
def backup(context: Context, /, file: Path | None, *, overwrite: bool) -> int:
    """
    Write a whole, verified copy to FILE, also while a daemon works.

    FILE may be a folder. Without it the copy goes to `backups` in the state folder, named after the time. Only its
    owner can read it. To go back: end the daemon, put the copy in the place of `state.db`, remove `state.db-wal`.
    """
    from orchestrator.app.verbs import database  # noqa: PLC0415  --help needs no database

    output = context.output()
    copied = database.back_up(looking(context), file, overwrite=overwrite, busy=output.busy)
    output.message("backup", {"path": str(copied.path), "bytes": copied.bytes, "schema": copied.schema})
    output.say(f"{copied.path}: {format_bytes(copied.bytes)}, schema {copied.schema}, looked through and whole")
    return 0


@db.command()
@click.option("--repair", is_flag=True, help="Count anew what is kept beside the rows it counts.")
@click.pass_obj
def check(context: Context, /, *, repair: bool) -> int:
    """
    Look through the database: its bytes, references, tables, and whether counters tell what there is.

    Exit code 0: it is whole; 1: it is damaged; 3: something is to be looked at. What to do is said.
    """
    from orchestrator.app.verbs import database  # noqa: PLC0415  --help needs no database

    output = context.output()
    found, mended = database.check(looking(context), repair=repair, busy=output.busy)
    output.message("database", {"findings": [asdict(finding) for finding in found], "mended": mended})
    for sentence in mended:
        output.say(f"mended: {sentence}")
    for finding in found:
        output.say(f"{finding.what}: {finding.to_do}")
    if not found:
        output.say("the state database is whole")
        return 0
    return 1 if any(finding.damaged for finding in found) else WAITS_FOR_PERSON


@db.command()
@click.pass_obj
def upgrade(context: Context, /) -> int:
    """
    Bring the database to the schema of this program, after a copy was made.

    Every other command does so as well when it opens an older one, without a copy.
    """
    from orchestrator.app.verbs import database  # noqa: PLC0415  --help needs no database

    output = context.output()
    moved = database.upgrade(looking(context), output.busy)
    _tell(context, moved, "nothing of it is lost")
    return 0


@db.command()
@click.option(
    "--to", "version", required=True, metavar="SCHEMA", help="Schema of the earlier program: 0005, 0004 or 0003."
)
@click.pass_obj
def downgrade(context: Context, /, version: str) -> int:
    """
    Take the database back to the schema of an earlier program, after a copy was made.

    What that program has no place for is lost, and is said. Start the earlier program then: this one would bring the
    database up to date again.
    """
    from orchestrator.app.verbs import database  # noqa: PLC0415  --help needs no database

    moved = database.downgrade(looking(context), version, context.output().busy)
    _tell(context, moved, f"lost are {database.LOST[version]}")
    return 0


@db.command()
@click.option("--to", "whither", metavar="URL", help="Move SQLite's file into this PostgreSQL database.")
@click.option("--from", "whence", metavar="URL", help="Move this PostgreSQL database into SQLite's file.")
@click.option("--dry-run", is_flag=True, help="Look at both, say what would be moved, and change neither.")
@click.option(
    "--replace-left-behind",
    is_flag=True,
    help="With --to: remove what moving back from that database left behind in it.",
)
@click.pass_obj
def move(
    context: Context, /, whither: str | None, whence: str | None, *, dry_run: bool, replace_left_behind: bool
) -> int:
    """
    Move the state into PostgreSQL, or back into SQLite's file in the state folder.

    URL is an address such as postgresql://orchestrator@db.example/orchestrator, of a database in which no state is.
    Give the password as [store] does: its password_file, PGPASSWORD or ~/.pgpass. Nothing may work on the state
    meanwhile. Every row is compared on arrival. What was moved stays where it was, but no program opens it any more: it
    says where the state is. Then write [store] url into config.toml, and begin anew.
    """
    from orchestrator.app.verbs import state_move  # noqa: PLC0415  --help needs no database

    if (whither is None) == (whence is None):
        raise click.UsageError("say either --to URL or --from URL")
    app, output = looking(context), context.output()
    here = f"sqlite:///{app.database}"
    there = app.with_password(whither or whence or "")
    first, second = (here, there) if whither is not None else (there, here)
    moved = state_move.move_state(
        app,
        whence=first,
        whither=second,
        dry_run=dry_run,
        replace=replace_left_behind,
        busy=output.busy,
        tell=output.say,
    )
    facts = {"from": moved.whence, "to": moved.whither, "rows": dict(moved.rows), "done": moved.done}
    output.message("move", facts)
    what = f"{sum(moved.rows.values())} rows of {len(moved.rows)} tables"
    if not moved.done:
        output.say(f"would be moved: {what}, from {moved.whence} to {moved.whither}; nothing was changed")
        return 0
    output.say(f"moved: {what}, compared on arrival; {moved.whence} stays as it was and is not used any more")
    output.say(_setting(moved.whither, whither))
    return 0


def _setting(address: str, given: str | None) -> str:
    """Say what to write into config.toml; `given` is the address of a server that the state is in now."""
    if given is None:
        return "take `url` out of [store] in config.toml: the state is the file of the state folder again"
    behind = ", with what stood behind its ?" if "?" in given else ""
    return f'write into config.toml, under [store]: url = "{address.replace(":***@", "@")}"{behind}'


def _tell(context: Context, moved: Any, told: str) -> None:
    output = context.output()
    copy = str(moved.copy.path) if moved.copy else ""
    output.message("schema", {"before": moved.before, "after": moved.after, "backup": copy})
    if not moved.copy:
        output.say(f"the state database has schema {moved.after} already")
    else:
        output.say(f"the state database has schema {moved.after} now, before {moved.before}; {told}")
        output.say(f"as it was before: {copy}")


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            return parse_seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--runs", type=_Duration(), metavar="AGE", help="Forget runs that ended longer ago, e.g. 180d.")
@click.option("--details", type=_Duration(), metavar="AGE", help="Forget their parts, units and tasks, e.g. 30d.")
@click.option("--events", type=_Duration(), metavar="AGE", help="Forget their events, e.g. 90d.")
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="The runs that ended last stay.")
@click.option("--yes", is_flag=True, help="Do it. Without it, what would go is shown.")
@click.pass_obj
def prune(context: Context, /, *, yes: bool, **given: Any) -> int:
    """
    Forget what ended long ago, and give its room on the disk back.

    Ages and count are those of [retention] in config.toml unless given here; 0 is for ever. What would go is shown
    first; --yes does it. Never forgotten: a run that has not ended, one whose result is still where it was published,
    one that left something in a cloud; and what this and the last month have cost in compute units, which budgets
    count. With [retention] set, the daemon does it each night.
    """
    from orchestrator.app.verbs import pruning  # noqa: PLC0415  --help needs no database

    app, output = resting(context), context.output()
    told = {name: value for name, value in given.items() if value is not None}
    retention = pruning.retention_of(app.settings.retention.model_copy(update=told))
    report = pruning.prune(app, retention, really=yes, busy=output.busy)
    doomed = report.doomed
    facts = {"runs": list(doomed.runs), "details": list(doomed.thin), "events": doomed.events, "done": report.done}
    output.message("prune", facts | {"bytes_before": report.bytes_before, "bytes_after": report.bytes_after})
    what = f"{len(doomed.runs)} runs, the details of {len(doomed.thin)} others, {doomed.events} events"
    if not retention.asks:
        output.say("nothing: no age is set; see [retention] in config.toml, or --runs, --details and --events")
    elif report.done:
        sizes = f"had {format_bytes(report.bytes_before)} before, and has {format_bytes(report.bytes_after)} now"
        output.say(f"forgotten: {what}; the database {sizes}")
    else:
        output.say(f"would be forgotten: {what}; --yes does it")
    return 0
