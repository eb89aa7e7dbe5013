"""`sandbox`: an Earth Engine, a Cloud Storage, a Drive and a Copernicus on loopback, until Ctrl-C."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import rich_click as click

from orchestrator.app.sandbox_process import DEFAULT_BUCKET, SANDBOX_PROJECT, started
from orchestrator.core.errors import OrchestratorError
from orchestrator.faces.cli.session import Context


@click.command()
@click.option("--port", default=8099, help="Port on 127.0.0.1; 0 lets the system choose.  [default: 8099]")
@click.option("--scenes", type=click.Path(path_type=Path), metavar="DIR", help="Real scenes; synthetic ones otherwise.")
@click.option(
    "--copernicus", type=click.Path(path_type=Path), metavar="DIR", help="SAFE folders; synthetic products otherwise."
)
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Keep objects and operations here.")
@click.option(
    "--behaviour", type=click.Path(path_type=Path), metavar="FILE", help="Answers of `orchestrator calibrate` to go by."
)
@click.option("--slots", default=2, help="Tasks that run at a time.  [default: 2]")
@click.pass_obj
def sandbox(
    context: Context,
    /,
    port: int,
    scenes: Path | None,
    copernicus: Path | None,
    data_dir: Path | None,
    behaviour: Path | None,
    slots: int,
) -> int:
    """
    Run a sandbox to try things with: `orchestrator run --sandbox-url http://127.0.0.1:8099 ...`.

    The real clients of Earth Engine, Cloud Storage and Drive work with it too, and those of the Copernicus Data Space
    that can be told its address.
    """
    options = ["--port", str(port), "--slots", str(slots), "--project", SANDBOX_PROJECT, "--bucket", DEFAULT_BUCKET]
    options += ["--scenes", str(scenes)] if scenes else []
    options += ["--copernicus", str(copernicus)] if copernicus else []
    options += ["--data-dir", str(data_dir)] if data_dir else []
    options += ["--behaviour", str(behaviour)] if behaviour else []
    output = context.output()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's Ctrl-C
    with started(options) as process:
        try:
            told = process.wait()
            for sentence in process.said():
                output.note(sentence)
            # The line of JSON comes last: whoever waits for it may end the sandbox at once.
            output.note(f"sandbox on {told['url']}, project {SANDBOX_PROJECT}, bucket {DEFAULT_BUCKET}; Ctrl-C ends it")
            output.note(
                f'your own program: ee.Initialize(AnonymousCredentials(), url="{told["url"]}", project="any-name"), '
                f"STORAGE_EMULATOR_HOST={told['url']}; every client: docs/howto/connect.md"
            )
            output.say(json.dumps(told))
            output.message("sandbox", told)
            code = process.join()
        except KeyboardInterrupt:
            return 0
    raise OrchestratorError(f"the sandbox ended by itself, with exit code {code}")
