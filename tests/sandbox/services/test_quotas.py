"""The quotas of a project, by a clock that the test moves."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from orchestrator.sandbox.quotas import PixelMeter, Quotas
from orchestrator.sandbox.web import ApiError

PIXELS = "image.computePixels"


def request(project="p", path="/v1/projects/p/image:computePixels"):
    return SimpleNamespace(path=path, headers={"x-goog-user-project": project} if project else {})


class Moment:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment():
    return Moment()


@pytest.fixture
def meter(moment):
    return PixelMeter(Quotas(at_once=3, per_second=5), moment)


def begin(meter, number=1, **how):
    for _ in range(number):
        with meter.admitted(PIXELS, request(**how)):
            pass


def test_so_many_are_under_way_and_no_more(meter):
    """The fourth of three is refused with 429, until one has ended."""
    with ExitStack() as three:
        for _ in range(3):
            three.enter_context(meter.admitted(PIXELS, request()))
        with pytest.raises(ApiError) as refused:
            begin(meter)

    begin(meter)
    assert refused.value.status == 429
    assert meter.report()["mostAtOnce"] == 3


def test_a_second_is_any_second(meter, moment):
    """Two late in one second and three early in the next are five within a second."""
    begin(meter, 2)
    moment.now += 0.9
    begin(meter, 3)

    with pytest.raises(ApiError) as refused:
        begin(meter)
    moment.now += 0.1
    begin(meter, 2)

    assert refused.value.status == 429
    assert meter.report()["mostPerSecond"] == 5


def test_each_project_has_its_own(meter):
    """The header names who is charged; without it the path does."""
    begin(meter, 5)

    begin(meter, 5, project="another")
    with pytest.raises(ApiError):
        begin(meter, project=None)


def test_other_methods_need_no_place(meter):
    """Only pixels are metered."""
    for _ in range(20):
        with meter.admitted("value.compute", request()):
            pass

    assert meter.report()["mostPerSecond"] == 0


def test_a_request_that_fails_gives_its_place_back(meter):
    """Whatever ends it."""
    with pytest.raises(ZeroDivisionError), meter.admitted(PIXELS, request()):
        _ = 1 / 0

    with ExitStack() as three:
        for _ in range(3):
            three.enter_context(meter.admitted(PIXELS, request()))


def test_the_documented_quotas_are_the_default():
    """40 at once and 100 a second; 48 MiB, 32K pixels a side, 1,024 bands."""
    assert Quotas() == Quotas(40, 100, 48 << 20, 32 << 10, 1024)
