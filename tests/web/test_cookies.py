"""The reader's cookie among those that other programs of the same host have set: a browser sends them to every port."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from orchestrator.faces.web.gate import _cookie


@pytest.mark.parametrize("odd", ['prefs={"a":1,"b":2}', "x", "a[b]=1", "x=a b", "=", "k=\xe9"])
def test_an_odd_cookie_of_somebody_else_hides_none_of_ours(odd):
    """Whether it stands before or after."""
    sent = [f"{odd}; ours=secret", f"ours=secret; {odd}"]

    assert [_cookie(Headers({"cookie": one}), "ours") for one in sent] == ["secret", "secret"]
