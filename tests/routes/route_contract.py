"""
What every route by batch export promises, whatever cloud its files go to.

A suite for a route is a class that inherits `BatchRouteContract` and says how the route is reached: a fixture `place`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ee
import pytest

from orchestrator.clients.earthengine import serialise
from orchestrator.core.errors import GenerationError, TransientError
from orchestrator.model.batch import (
    AlreadyStartedError,
    BatchRoute,
    Described,
    ExportOrder,
    Operation,
    OperationState,
    OrderShape,
)
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec

BLOCK = 256
ONE = TaskPlan(0, Window(0, 0, BLOCK, BLOCK), BLOCK, BLOCK)
SEVERAL = TaskPlan(1, Window(BLOCK, 100, 300, 512), BLOCK, BLOCK)
RUN = "20240601-000000-abcdef"


@dataclass(frozen=True)
class Place:
    """
    A route and the service behind it.

    Attributes:
        order: Orders a fault of the service.
        started: Tells how many exports the service knows.
        finish: Waits until an operation has ended.
        put: Writes a foreign file where the route's files lie.
    """

    route: BatchRoute
    list_operations: Callable[[], Sequence[Operation]]
    order: Callable[..., None]
    started: Callable[[], int]
    finish: Callable[[str], None]
    put: Callable[[str], None]

    def begin(self, task: TaskPlan, *, number: int = 1, rung: int = 0, run_id: str = RUN) -> tuple[Any, Operation]:
        """Start an export of `task`; return the names of the attempt and the operation."""
        names = self.route.name_attempt(run_id, f"{task.index:04d}", number)
        order = ExportOrder(names, task.window, task.part_height, task.part_width, rung, ("b",))
        return names, self.route.start(image(), plan(), order)

    def exported(self, task: TaskPlan, **how: Any) -> Any:
        """Export `task` to its end; return the names of the attempt."""
        names, operation = self.begin(task, **how)
        self.finish(operation.name)
        return names


def image() -> str:
    return serialise(ee.Image.constant(7).rename("b").toUint16())


def plan() -> Plan:
    return Plan(
        grid=Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0), 1024, 1024),
        pixels=PixelSpec(("b",), "uint16", 0),
        tasks=(ONE, SEVERAL),
        area_wkb=b"",
        area_pixels=1,
        max_part_bytes=10**9,
        bucket_bytes=1,
        disk_bytes=0,
        memory_bytes=0,
    )


class BatchRouteContract:
    """The promises of `model.batch.BatchRoute`."""

    # ------------------------------------------------------------- operations

    def test_one_request_id_starts_one_export(self, place):
        """Sent again after an answer was lost, it is the same operation, or a refusal that says that it is known."""
        before = place.started()
        _names, first = place.begin(ONE)

        try:
            again = place.begin(ONE)[1].name
        except AlreadyStartedError:
            again = first.name

        assert (again, place.started() - before) == (first.name, 1)

    def test_a_burnt_request_id_is_told_apart_from_a_refusal(self, place):
        """Whoever is told so looks the operation up and sends no other id at once."""
        place.begin(ONE)
        place.order(action="request_id_refused", api="image.export", count=1, status=400)

        with pytest.raises(AlreadyStartedError):
            place.begin(ONE)

    def test_an_attempt_of_another_number_is_another_export(self, place):
        """A new attempt is not taken for the old one."""
        first, second = place.begin(ONE)[1], place.begin(ONE, number=2)[1]

        assert first.name != second.name

    def test_an_operation_is_found_by_its_name(self, place):
        """With the description it was given, which it is recognised by after a crash."""
        names, operation = place.begin(ONE)

        found = place.route.find(operation.name)

        assert (found.name, found.description) == (operation.name, names.description)

    def test_an_operation_the_service_denies_is_none(self, place):
        """The service's own word is the proof."""
        name = place.begin(ONE)[1].name

        assert place.route.find(re.sub(r"[^/]+$", "NOTHERE1NOTHERE1NOTHERE1", name)) is None

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param({"status": 404, "html": True}, id="a page that is not found"),
            pytest.param({"status": 503}, id="out of order"),
            pytest.param({"action": "reset"}, id="a broken connection"),
        ],
    )
    def test_any_other_answer_proves_nothing(self, place, answer):
        """What cannot be told is asked again, and never taken for a no."""
        name = place.begin(ONE)[1].name
        place.order(**{"action": "http", "api": "operations.get", "count": 2} | answer)

        with pytest.raises(TransientError):
            place.route.find(name)

    def test_every_operation_of_the_project_is_listed(self, place):
        """Whoever started them, by whatever route."""
        begun = {place.begin(ONE, run_id=f"{RUN}{n}")[1].name for n in range(3)}

        assert begun <= {operation.name for operation in place.list_operations()}

    def test_a_cancelled_operation_ends_as_cancelled(self, place):
        """It says so in our words, when it is asked for and when it is listed."""
        place.order(action="task_stuck")
        name = place.begin(ONE)[1].name

        place.route.cancel(name)
        place.finish(name)

        listed = {operation.name: operation for operation in place.list_operations()}
        assert (place.route.find(name).state, listed[name].state) == (OperationState.CANCELLED,) * 2

    def test_what_has_ended_may_be_cancelled(self, place):
        """Who cancels cannot know whether it was too late."""
        name = place.begin(ONE)[1].name
        place.finish(name)

        place.route.cancel(name)

        assert place.route.find(name).state is OperationState.SUCCEEDED

    def test_what_is_unknown_may_be_cancelled(self, place):
        """An operation that the service has forgotten needs no end."""
        place.route.cancel(re.sub(r"[^/]+$", "NOTHERE2NOTHERE2NOTHERE2", place.begin(ONE)[1].name))

    # ------------------------------------------------------------------ files

    def test_one_file_is_the_one_part(self, place):
        """Its name has no offsets."""
        names = place.exported(ONE)

        matched = place.route.files(ONE, names.prefix, time.time())

        assert (set(matched.found), matched.strange) == (set(ONE.parts()), ())

    @pytest.mark.parametrize("dash", [False, True], ids=["no dash", "a dash"])
    def test_each_of_several_files_is_its_part(self, place, dash):
        """By the pixel it begins at, whatever stands between prefix and digits."""
        place.order(action="part_names", dash=dash)
        names = place.exported(SEVERAL)

        matched = place.route.files(SEVERAL, names.prefix, time.time())

        assert (set(matched.found), matched.strange) == (set(SEVERAL.parts()), ())

    def test_a_name_nobody_expects_is_strange(self, place):
        """It is neither taken nor overlooked."""
        place.order(action="part_names", form="_{row}x{col}.tif")
        names = place.exported(SEVERAL)

        matched = place.route.files(SEVERAL, names.prefix, time.time())

        assert (len(matched.found), len(matched.strange)) == (0, len(SEVERAL.parts()))

    def test_somebody_elses_file_under_the_prefix_is_strange(self, place):
        """It takes no part's place, and the parts are found beside it."""
        names = place.exported(ONE)
        place.put(f"{names.prefix}-notes.txt")

        matched = place.route.files(ONE, names.prefix, time.time())

        assert set(matched.found) == set(ONE.parts())
        assert [source.name for source in matched.strange] == [f"{names.prefix}-notes.txt"]

    def test_a_file_of_a_longer_prefix_is_strange(self, place):
        """However much it looks like a part."""
        names = place.exported(ONE)
        place.put(f"{names.prefix}y.tif")

        matched = place.route.files(ONE, names.prefix, time.time())

        assert set(matched.found) == set(ONE.parts())
        assert [source.name for source in matched.strange] == [f"{names.prefix}y.tif"]

    def test_a_file_from_before_the_attempt_is_strange(self, place):
        """No operation of ours wrote it."""
        names = place.exported(ONE)

        matched = place.route.files(ONE, names.prefix, time.time() + 3600)

        assert (len(matched.found), len(matched.strange)) == (0, 1)

    def test_the_files_of_a_run_lead_back_to_their_attempt(self, place):
        """All lie under the run's prefix, and each name tells the attempt that wrote it, and no other did."""
        run_id = f"{RUN}{SEVERAL.index}"
        first, second = place.exported(ONE, run_id=run_id), place.exported(SEVERAL, run_id=run_id)

        files = place.route.objects.find(place.route.run_prefix(run_id))

        assert len(files) == 1 + len(SEVERAL.parts())
        assert {place.route.prefix_of(file.name) for file in files} == {first.prefix, second.prefix}
        by_second = [file for file in files if place.route.wrote(SEVERAL, second.prefix, time.time(), file)]
        assert len(by_second) == len(SEVERAL.parts())

    def test_another_runs_files_do_not_lie_under_its_prefix(self, place):
        """Also where one id begins with the other."""
        place.exported(ONE, run_id=f"{RUN}99")

        assert place.route.objects.find(place.route.run_prefix(f"{RUN}9")) == []

    # ------------------------------------------------------------------ names

    def test_names_fit_the_services_rules(self, place):
        """
        Request ids of at most 60 of [A-Za-z0-9-], descriptions of at most 100 of [A-Za-z0-9.,:;_-].

        (REST reference of Earth Engine, projects.image.export; Export.image.toCloudStorage.)
        """
        names = place.route.name_attempt(RUN, "0123.0.1.0.1.1.0.1", 17)

        assert re.fullmatch(r"[A-Za-z0-9-]{1,60}", names.request_id)
        assert re.fullmatch(r"[A-Za-z0-9.,:;_-]{1,100}", names.description)

    def test_names_are_an_attempts_own(self, place):
        """The same for the same attempt, and no other's."""
        keys = [(RUN, "0001", 1), (RUN, "0001", 2), (RUN, "0011", 1), (RUN + "1", "0001", 1), (RUN, "0001.0", 1)]

        names = [place.route.name_attempt(*key) for key in keys]

        assert names == [place.route.name_attempt(*key) for key in keys]
        for kind in ("request_id", "description", "prefix"):
            assert len({getattr(name, kind) for name in names}) == len(keys)

    def test_a_description_says_what_was_asked_for(self, place):
        """Whoever has lost all else rebuilds the task from it; request id and prefix do not depend on that."""
        asked = OrderShape(512, 1024, 2)
        names, plain = place.route.name_attempt(RUN, "0001.0", 3, asked), place.route.name_attempt(RUN, "0001.0", 3)

        assert place.route.described(names.description) == Described(RUN, "0001.0", 3, asked)
        assert place.route.described(plain.description) == Described(RUN, "0001.0", 3)
        assert (names.request_id, names.prefix) == (plain.request_id, plain.prefix)
        assert len(place.route.name_attempt(RUN, "0123.0.1.0.1.1.0.1", 17, asked).description) <= 100

    @pytest.mark.parametrize("text", ["", "my export", "orchestrator.abc.0001.a1.0123456789ab", "\n", "orchestrator"])
    def test_a_text_of_anybody_else_says_nothing(self, place, text):
        """Nobody else can make the digest that it ends in."""
        assert place.route.described(text) is None
        assert place.route.attempt_of(text) is None

    def test_a_file_says_which_attempt_wrote_it(self, place):
        """By its name alone; a name that looks alike says nothing."""
        names = place.exported(SEVERAL, number=2, run_id="feed")
        [*_, name] = [source.name for source in place.route.objects.find(names.prefix)]

        assert place.route.attempt_of(name) == Described("feed", "0001", 2)
        assert place.route.run_of(name) == "feed"
        assert place.route.attempt_of(name.replace("0001-a2-", "0001-a3-")) is None

    # ------------------------------------------------------------ small objects

    def test_a_small_object_is_written_once(self, place):
        """As a listing shows it; a second writer is told, and changes nothing."""
        name = place.route.manifest_name("feed1")

        written = place.route.objects.create(name, b"first")
        with pytest.raises(GenerationError):
            place.route.objects.create(name, b"second")

        assert place.route.objects.find(name) == [written]
        assert place.route.objects.read(written, lambda _bytes: None, threading.Event()) == b"first"
        assert place.route.run_of(name) == "feed1"

    # ------------------------------------------------------------------- rungs

    def test_a_higher_rung_asks_for_the_same_files(self, place):
        """With less at once; beyond the last rung it stays there."""
        for rung in (0, len(place.route.rungs) - 1, len(place.route.rungs) + 3):
            names = place.exported(SEVERAL, number=rung + 1, rung=rung)

            assert set(place.route.files(SEVERAL, names.prefix, time.time()).found) == set(SEVERAL.parts())

    def test_a_part_that_is_no_whole_number_of_tiles_is_one_file(self, place):
        """The service takes file sizes in whole tiles."""
        odd = replace(ONE, window=Window(10, 10, 100, 300), part_height=100, part_width=300)
        names = place.exported(odd)

        assert set(place.route.files(odd, names.prefix, time.time()).found) == set(odd.parts())
