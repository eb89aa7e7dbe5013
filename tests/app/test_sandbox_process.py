"""A private sandbox that does not start says why, and what helps."""

from __future__ import annotations

import subprocess

import pytest

from orchestrator.app.sandbox_process import SandboxProcess
from orchestrator.core.errors import UserError
from orchestrator.sandbox.folder_lock import take


def test_two_private_sandboxes_of_one_state_folder_are_refused_with_the_way_out(tmp_path):
    """In the sandbox's own words, which name no option of ours: another state folder, or one sandbox for both."""
    lock = take(tmp_path, 0)
    with pytest.raises(OSError, match="in use") as refused:
        take(tmp_path, 0)
    lock.close()
    said = tmp_path / "said"
    said.write_text(f"sandbox: {refused.value}\n")
    ended = subprocess.Popen(["true"], stdout=subprocess.PIPE)

    with ended, pytest.raises(UserError, match=r"another folder with --state-dir, or start .* --sandbox-url"):
        SandboxProcess(ended, said).wait()
