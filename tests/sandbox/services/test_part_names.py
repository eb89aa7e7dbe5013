"""How the files of one export are named: the forms that public file names show, each orderable."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.earthengine.exports import DASHED, PLAIN, files
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.main import _options, _parser
from orchestrator.sandbox.server import Options, Sandbox
from orchestrator.sandbox.web import ProtocolViolation

SPLIT = {"fileDimensions": 512, "dimensions": "700x300"}


@pytest.fixture
def names(bucket, drive):
    """`names(prefix)` are the names in the bucket and in Drive that begin so, without the prefix."""

    def found(prefix):
        listed = drive.files().list(q=f"name contains '{prefix}'", orderBy="name").execute()["files"]
        both = [blob.name for blob in bucket.list_blobs(prefix=prefix)] + [each["name"] for each in listed]
        return [name.removeprefix(prefix) for name in both]

    return found


def test_parts_in_a_bucket_have_no_dash_before_their_offsets(kit, names, prefix):
    """Cloud Storage: the first number follows the prefix at once."""
    kit.finish(kit.to_bucket(prefix, **SPLIT))

    assert names(prefix) == ["0000000000-0000000000.tif", "0000000000-0000000512.tif"]


def test_parts_in_drive_have_a_dash_before_their_offsets(kit, names, prefix):
    """Drive: a dash stands between prefix and offsets."""
    name = prefix.replace("/", "-")

    kit.finish(kit.to_drive(name, None, **SPLIT))

    assert names(name) == ["-0000000000-0000000000.tif", "-0000000000-0000000512.tif"]


def test_parts_in_a_folder_are_named_by_their_offsets_alone(kit, names, prefix):
    """A prefix that ends in a slash is followed by the first number."""
    kit.finish(kit.to_bucket(prefix + "/", **SPLIT))

    assert names(prefix) == ["/0000000000-0000000000.tif", "/0000000000-0000000512.tif"]


@pytest.mark.parametrize("form", [PLAIN, DASHED])
def test_a_folder_never_gets_a_dash(form):
    """Whatever the form: no name begins with a dash."""
    found = [each.name for each in files("a/b/", 1, 2, 1, 1, form=form)]

    assert found == ["a/b/0000000000-0000000000.tif", "a/b/0000000000-0000000001.tif"]


def test_the_dashed_form_can_be_ordered_for_one_task(kit, names, prefix):
    """The next task gets dashes and is otherwise as ever; the one after it has none again."""
    number = kit.order("part_names", dash=True)

    for each in "ab":
        kit.finish(kit.to_bucket(prefix + each, **SPLIT))

    assert names(prefix + "a") == ["-0000000000-0000000000.tif", "-0000000000-0000000512.tif"]
    assert names(prefix + "b") == ["0000000000-0000000000.tif", "0000000000-0000000512.tif"]
    assert kit.consumed(number) == 1


def test_the_form_can_be_ordered_for_one_destination_and_for_good(kit, names, prefix):
    """An order for Drive, without end, leaves the bucket's tasks alone."""
    name = prefix.replace("/", "-")
    number = kit.order("part_names", dash=False, destination="drive", count=None)

    kit.finish(kit.to_bucket(prefix, **SPLIT))
    for each in "ab":
        kit.finish(kit.to_drive(name + each, None, **SPLIT))

    assert names(prefix) == ["0000000000-0000000000.tif", "0000000000-0000000512.tif"]
    assert names(name + "b") == ["0000000000-0000000000.tif", "0000000000-0000000512.tif"]
    assert kit.consumed(number) == 2


def test_names_that_nobody_expects_can_be_ordered(kit, names, prefix):
    """A form that no public file name shows, for programs that must not take it for nothing."""
    kit.order("part_names", form="_{row}x{col}.tif")

    kit.finish(kit.to_bucket(prefix, **SPLIT))

    assert names(prefix) == ["_0x0.tif", "_0x512.tif"]


@pytest.mark.parametrize("form", ["{row}.tif", "{row}-{column}.tif", "{row}{col"], ids=["one name", "unknown", "open"])
def test_a_form_that_names_no_files_is_refused(form):
    """Two files must not get one name, and a form must be one."""
    with pytest.raises(ProtocolViolation, match=r"form of a name|one name"):
        Rule.of({"action": "part_names", "form": form})


def test_an_ordered_form_leaves_other_faults_of_the_task_their_turn(kit, prefix):
    """Names and another fault can be ordered for one task."""
    numbers = [kit.order("part_names"), kit.order("task_fail")]

    kit.finish(kit.to_bucket(prefix))

    assert [kit.consumed(number) for number in numbers] == [1, 1]


def test_a_sandbox_can_be_told_the_form_at_its_start(ramps, connect, kit_of):
    """The behaviour names the form of each destination."""
    options = Options(behaviour=Behaviour(bucket_part_names="dashed"))
    with Sandbox(ramps, options) as running:
        connect(running)
        kit = kit_of(running)
        kit.finish(kit.to_bucket("x", **SPLIT))

        found = [each.name for each in running.buckets.objects(kit.bucket_name)]

    assert found == ["x-0000000000-0000000000.tif", "x-0000000000-0000000512.tif"]


@pytest.mark.parametrize(
    ("arguments", "bucket", "drive"),
    [
        pytest.param([], "plain", "dashed", id="as reported"),
        pytest.param(["--bucket-part-names", "dashed"], "dashed", "dashed", id="dashes everywhere"),
        pytest.param(["--drive-part-names", "plain"], "plain", "plain", id="dashes nowhere"),
    ],
)
def test_the_command_takes_the_form_of_each_destination(arguments, bucket, drive):
    """Two options, one per destination."""
    found = _options(_parser().parse_args(arguments)).behaviour

    assert (found.bucket_part_names, found.drive_part_names) == (bucket, drive)


def test_an_unknown_destination_is_refused():
    """A misspelt destination must not silently fit nothing."""
    with pytest.raises(ProtocolViolation, match="known are"):
        Rule.of({"action": "part_names", "destination": "gcs"})
