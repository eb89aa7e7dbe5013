"""Messages by apprise, a process of its own, to a real receiver: what arrives, what is refused, who waits for whom."""

from __future__ import annotations

import pytest

from orchestrator.clients import messages, messenger
from orchestrator.clients.messages import Letter, check_address, deliver, targets_in

SECRET = "hunter2-hunter2"  # noqa: S105  nobody's


@pytest.fixture(scope="module")
def sent(receiver):
    """What became of messages to targets of every kind, all of them sent at once."""
    host = receiver.url.removeprefix("json://")
    urls = {
        "taken": f"{receiver.url}/taken",
        "failing": f"json://user:{SECRET}@{host}/fail",
        "led to a metadata server": f"{receiver.url}/away?redirect=yes",
        "led elsewhere": f"{receiver.url}/here?redirect=yes",
        "a metadata server": "jsons://169.254.169.254/hook",
        "one over IPv6": "jsons://[fd00:ec2::254]/hook",
        "unencrypted elsewhere": "json://192.0.2.1/hook",
        "none of apprise's": "carrierpigeon://loft",
    }
    targets = {name: targets_in(url)[0] for name, url in urls.items()}
    letters = [Letter(n, one, name, "text", "warning") for n, (name, one) in enumerate(targets.items())]
    letters.append(Letter(len(letters), targets["taken"], "again", "text"))
    receipts = {receipt.id: receipt for receipt in deliver(letters, 60)}
    assert len(receipts) == len(letters)
    return {letter.title: receipts[letter.id] for letter in letters}


def test_a_message_arrives_as_it_is(sent, receiver):
    """Title, text and level; those of one target in their order, though another's failed meanwhile."""
    assert sent["taken"].ok
    assert receiver.titles("/taken") == ["taken", "again"]
    assert receiver.got[[path for path, _ in receiver.got].index("/taken")][1]["type"] == "warning"


def test_a_receiver_that_fails_is_believed(sent):
    """Its status is in the reason; the password of its address is not."""
    assert not sent["failing"].ok
    assert "500" in sent["failing"].why
    assert SECRET not in sent["failing"].why


def test_a_reason_holds_no_piece_of_an_address():
    """Whatever a service or a library repeats of it: password, token, path, query."""
    url = f"jsons://user:{SECRET}@hook.example/T0KENT0KEN?key=QUERYSECRET"

    why = messages._without_secrets(f"cannot POST to {url} for {SECRET}: T0KENT0KEN, QUERYSECRET", url)

    assert "cannot POST" in why
    assert not [word for word in (SECRET, "T0KENT0KEN", "QUERYSECRET", "hook.example") if word in why]


@pytest.mark.parametrize("name", ["led to a metadata server", "led elsewhere"])
def test_no_redirect_is_followed(sent, receiver, name):
    """Whatever the address itself asks for."""
    assert not sent[name].ok
    assert "302" in sent[name].why
    assert receiver.titles("/landed") == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a metadata server", "link-local"),
        ("one over IPv6", "metadata server"),
        ("unencrypted elsewhere", "not encrypted"),
        ("none of apprise's", "does not understand"),
    ],
)
def test_some_places_are_never_spoken_to(sent, name, why):
    """Before a connection is tried, and with the reason."""
    assert (sent[name].ok, sent[name].answered) == (False, True)
    assert why in sent[name].why


@pytest.mark.parametrize(
    ("address", "forbidden"),
    [
        *(("169.254.1.1", True), ("fe80::1%eth0", True), ("::ffff:169.254.169.254", True), ("0.0.0.0", True)),  # noqa: S104
        *(("fd00:ec2::254", True), ("100.100.100.200", True), ("224.0.0.1", True), ("::", True)),
        *(("127.0.0.1", False), ("::1", False), ("10.0.0.1", False), ("203.0.113.7", False)),
    ],
)
def test_addresses_of_the_machine_s_own_link_are_forbidden(address, forbidden):
    assert messenger._is_forbidden(address) is forbidden


def test_a_receiver_that_stalls_is_left(receiver):
    """When the process is to end: its message is unanswered, not lost, and may have arrived."""
    (stalling,) = targets_in(f"{receiver.url}/stall?rto=60")

    (left,) = deliver([Letter(1, stalling, "stalled", "text")], 60, receiver.stalled)

    assert (left.ok, left.answered) == (False, False)


def test_no_time_is_no_answer():
    (target,) = targets_in("jsons://hook.example/a")

    (receipt,) = deliver([Letter(1, target, "late", "text")], 0.0)

    assert (receipt.ok, receipt.answered, receipt.why) == (False, False, "no answer within 0 s")


def test_a_target_is_called_by_no_part_of_its_address():
    """Neither its name nor its repr holds more than the scheme; the same address has the same name."""
    url = f"slack://{SECRET}/TOKEN0123456/xyz"

    (target,) = targets_in(url)

    assert target == targets_in(f"  {url}\n")[0]
    assert target.name.startswith("slack-")
    assert not {SECRET, "TOKEN0123456"} & {
        word for word in (SECRET, "TOKEN0123456") if word in repr(target) + target.name
    }


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a://x, b://y", 2),
        ("a://x,b://y c://z", 3),
        ("a://x?to=p,q", 1),
        ("# a://x\nb://y\n", 1),
        ("a://x a://x", 1),
    ],
)
def test_addresses_stand_apart(text, count):
    """By blanks, lines or commas before a scheme; a comma inside an address is its own."""
    assert len(targets_in(text)) == count


@pytest.mark.parametrize("url", ["json://hook.example/a", "xml://10.0.0.1", "form://a", "http://a", "hook.example/a"])
def test_an_address_without_tls_is_refused_as_it_is_written(url):
    """Before anything is sent; what to write instead is said."""
    assert "://" in check_address(url)


@pytest.mark.parametrize(
    "url", ["jsons://hook.example/a", "json://127.0.0.1:80/a", "json://localhost/a", "slack://a/b/c"]
)
def test_others_are_taken(url):
    assert check_address(url) == ""


def test_apprise_stays_out_of_the_daemon():
    """It is imported where it sends, and ends with it."""
    assert "apprise" not in vars(messages)
