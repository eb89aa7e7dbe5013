"""A request that the service computes for too long is cut: the same one again would take as long again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import ee
import numpy as np
import pytest
import shapely
from typed_world import ASSET, GRID, STOP, TypedCatalogue

from orchestrator.clients.earthengine import serialise
from orchestrator.clients.interactive import PIXEL_LIMITS
from orchestrator.clients.pixels import PixelClient
from orchestrator.clients.region import REGION_LIMITS, RegionClient
from orchestrator.clients.tables import TableClient
from orchestrator.clients.watch import LIMITS, Watch
from orchestrator.core.errors import TransientError, UnansweredError
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Window
from orchestrator.model.product import RunSnapshot
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure
from orchestrator.model.table import Images, SampleRequest
from orchestrator.model.unit import Cell, Split, Unit
from orchestrator.plan.requests import RequestSize
from orchestrator.products.fetch import Fetch, units_of
from orchestrator.products.mosaic.covering import cover_once
from orchestrator.products.table.batches import unit_of
from orchestrator.products.table.document import StoredImage, TablePlan, ValueColumn
from orchestrator.products.table.fetch import FetchRows
from orchestrator.routes.pixels import PixelRoute
from orchestrator.routes.tables import Tables
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.server import Options, Sandbox

SECONDS = 0.3
BAND = "uint16"


@pytest.fixture(scope="module")
def shared():
    """A sandbox of this file's own: what nobody waits for is still answered one day."""
    with Sandbox(TypedCatalogue(), Options()) as running:
        yield running
    ee.Reset()


@pytest.fixture
def sandbox(shared):
    yield shared
    shared.faults.clear()


@pytest.fixture
def stall(sandbox):
    return lambda **how: sandbox.faults.order(Rule.of({"action": "stall", **how}))


@pytest.fixture
def pixels(engine):
    return PixelRoute(PixelClient(engine, limits=replace(PIXEL_LIMITS, first_seconds=SECONDS)))


@pytest.fixture
def tables(engine):
    regions = RegionClient(engine, limits=replace(REGION_LIMITS, first_seconds=SECONDS))
    return Tables(regions, TableClient(engine, limits=replace(PIXEL_LIMITS, first_seconds=SECONDS)))


GIVEN = SimpleNamespace(is_placed=lambda _cell: False, stop=STOP, folder=None)


def cut(step, plan):
    """The windows that a step makes of a unit, which it asks for in vain."""
    outcome = step(GIVEN, Unit("run", plan))

    assert isinstance(outcome, Split)
    assert outcome.failure is Failure.TIMEOUT
    assert "did not begin to answer within 0.3 s" in outcome.why
    cover_once([plan.cell.window], [piece.cell.window for piece in outcome.units])
    assert len(outcome.units) == 2


def test_a_window_of_pixels_is_cut(pixels, stall, tmp_path):
    size = RequestSize.of(PixelSpec((BAND,), BAND, 7), pixels.limits)
    (plan,) = units_of([Cell(Window(0, 0, 200, 100))], size)
    expression = ee.Image(ASSET).select([BAND])
    asked = PixelRequest(serialise(expression), GRID, plan.cell.window, PixelSpec((BAND,), BAND, 7))
    step = Fetch(pixels, size, lambda _cell: asked)
    GIVEN.folder = tmp_path
    stall(api="image.computePixels")

    cut(step, plan)


@pytest.mark.parametrize("at", ["points", "polygons"])
def test_a_table_is_cut(tables, stall, at):
    """The places of one request are asked for in two."""
    shape = bytes(shapely.to_wkb(shapely.box(502_000, 5_197_000, 502_100, 5_197_100)))
    table = TablePlan(
        at, (BAND,), (ValueColumn(BAND, BAND),), (StoredImage(ASSET, 0),), dated=True, grids=(GRID,), ids=(0, 1),
        grid=np.zeros(2, np.int64), row=np.array([400, 500]), col=np.array([400, 600]), order=np.arange(2),
        lonlat=np.zeros((2, 2)), shapes=(shape, shape) if at == "polygons" else (), reducers=("mean",),
    )  # fmt: skip
    stall(api="value.compute" if at == "points" else "table.computeFeatures")

    cut(FetchRows(tables, table, RunSnapshot("run", None), keep_empty=False), unit_of(table, Cell(Window(0, 0, 2, 1))))


def test_what_is_as_small_as_can_be_is_asked_for_again(tables, stall):
    """One point of one image: the service, or the way to it, is out of order for now."""
    request = SampleRequest(Images((ASSET,)), (BAND,), GRID, ((400, 400),))
    stall(api="value.compute")

    with pytest.raises(UnansweredError) as told:
        tables.sample(request, STOP)

    assert isinstance(told.value, TransientError)


def test_silence_in_the_middle_of_an_answer_is_no_long_computing():
    """The line is broken, which less at once does not mend."""
    watch = Watch("pixels", None, PIXEL_LIMITS)

    watch.ask()
    watch.hear()
    watch.miss()

    assert not watch.unanswered


def test_a_call_that_computes_little_has_the_usual_silence():
    watch = Watch("tasks", None, LIMITS)

    watch.ask()
    watch.miss()

    assert (watch.silence(60.0), watch.unanswered) == (60.0, False)
