"""Earth Engine's own sentences, ordered by name for calls and for tasks."""

from __future__ import annotations

import ee
import pytest

from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.sentences import SENTENCES
from orchestrator.sandbox.web import ProtocolViolation

# The beginnings of what users published, and the status with which a call carries it.
PUBLISHED = [
    ("User memory limit exceeded.", 400),
    ("Earth Engine memory capacity exceeded", 400),
    ("Execution failed; out of memory.", 400),
    ("Earth Engine capacity exceeded.", 503),
    ("Quota exceeded: Too many concurrent aggregations.", 429),
    ("Too many concurrent aggregations.", 429),
    ("Quota exceeded for quota metric 'Number of read requests'", 429),
    ("Your usage exceeded the custom quota for 'earthengine.googleapis.com/daily_eecu_usage_time'", 429),
    ("warning: Your project has exceeded its noncommercial compute quota and is now in restricted mode.", 429),
    ("Computation timed out.", 400),
    ("Output of image computation is too large (20 bands for 851968 pixels = 126.8 MiB > 80.0 MiB).", 400),
    ("Reprojection output too large (27412x20470 pixels).", 400),
    ("Computed value is too large", 400),
    ("Total request size (56623104 bytes) must be less than or equal to 50331648 bytes.", 400),
    ("Pixel grid dimensions (13x111332) must be less than or equal to 32768.", 400),
    ("No valid (un-masked) pixels in export region.", 400),
    ("If one image has no bands, the other must also have no bands. Got 0 and 1.", 400),
    ("Too many tasks already in the queue (3000). Please wait for some of them to complete.", 429),
    ("A different Operation was already started with the given request_id.", 400),
    ("Exported bands must have compatible data types; found inconsistent types: Int16 and Byte.", 400),
    ("Unable to export unbounded image.", 400),
    ("Unable to transform edge (", 400),
    ("Request payload size exceeds the limit: 10485760 bytes.", 400),
    ("Image.load: Image asset 'x' not found (does not exist or caller does not have access).", 400),
    ("Asset 'x' does not exist or doesn't allow this operation.", 404),
    ("Expected a homogeneous image collection, but an image with incompatible bands was encountered:", 400),
    ("Collection query aborted after accumulating over 5000 elements.", 400),
    ("An internal error has occurred", 500),
    ("An internal server error has occurred", 500),
]


@pytest.mark.parametrize(("beginning", "status"), PUBLISHED)
def test_every_published_sentence_can_be_ordered_with_its_status(beginning, status):
    """The name stands for a text and a status."""
    found = [name for name, sentence in SENTENCES.items() if sentence.text.startswith(beginning)]

    assert [Rule.of({"action": "http", "sentence": name}).status for name in found] == [status]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_call_fails_with_the_sentence_and_its_status(kit, name):
    """The real client raises exactly this text; the status is on the response."""
    kit.order("http", api="value.compute", sentence=name)

    with pytest.raises(ee.EEException) as caught:
        kit.image().bandNames().getInfo()

    assert str(caught.value) == SENTENCES[name].text
    assert caught.value.__context__.resp.status == SENTENCES[name].status


def test_a_task_fails_with_the_sentence_and_its_code(kit, prefix):
    """A failed task names its code, and ends its sentence with it."""
    kit.order("task_fail", sentence="user_memory")
    task = kit.to_bucket(prefix)

    kit.finish(task)

    assert ee.data.getOperation(task.name)["error"] == {
        "code": 8,
        "message": "User memory limit exceeded. (Error code: 8)",
    }


def test_a_lost_answer_can_carry_a_sentence(kit, prefix):
    """commit-then-fail with a sentence answers its status, and the task has begun."""
    kit.order("commit_then_fail", api="image.export", sentence="capacity")
    before = kit.sandbox.state()["exportsStarted"]

    with pytest.raises(ee.EEException, match="Earth Engine capacity exceeded") as caught:
        kit.to_bucket(prefix).start()

    assert caught.value.__context__.resp.status == 503
    assert kit.sandbox.state()["exportsStarted"] == before + 1


def test_what_the_order_says_itself_is_kept():
    """A status of one's own goes before the sentence's."""
    assert Rule.of({"action": "http", "sentence": "capacity", "status": 500}).status == 500


def test_an_unknown_sentence_is_refused_with_the_known_ones():
    """A misspelt name must not become an empty message."""
    with pytest.raises(ProtocolViolation, match="user_memory"):
        Rule.of({"action": "task_fail", "sentence": "user_memroy"})
