"""Messages reach webhooks, commands and the log; what fails is tried again and told once."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading

import pytest

from otel_claude.local.alerts import channels
from otel_claude.local.alerts.channels import ChannelError, send
from otel_claude.local.alerts.delivery import Delivery
from otel_claude.local.alerts.message import Message
from otel_claude.local.alerts.rules import Command, Log, Webhook
from tests.local.alerts.receiver import Receiver, until

MESSAGE = Message(
    "firing", "errors <search>", "error_rate", "critical", "5% & more", 0.05, 0.01, 600.0,
    {"feature": ["search", "chat"]}, "2026-11-21T14:00:00Z", "http://127.0.0.1:4318/#/calls?a=1&b=2",
)  # fmt: skip


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def webhook(receiver, monkeypatch):
    monkeypatch.setenv("HOOK", receiver.url)
    return Webhook(type="webhook", url_env="HOOK")


def test_a_webhook_gets_what_slack_takes(receiver, webhook):
    send(webhook, MESSAGE)
    ((_, body),) = receiver.got
    assert body == {
        "text": "otel-claude: FIRING critical: errors &lt;search&gt;",
        "attachments": [
            {
                "color": "#b8312f",
                "fallback": "5% &amp; more",
                "text": "5% &amp; more\nfeature search or chat\n"
                "<http://127.0.0.1:4318/#/calls?a=1&amp;b=2|Open the calls>",
            }
        ],
    }


def test_an_address_from_a_file(receiver, tmp_path):
    path = tmp_path / "hook"
    path.write_text(f"{receiver.url}\n")
    send(Webhook(type="webhook", url_file=str(path)), MESSAGE)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses(receiver, webhook, status):
    receiver.statuses = [status]
    with pytest.raises(ChannelError, match=f"^the webhook answers HTTP {status}$"):
        send(webhook, MESSAGE)
    assert len(receiver.got) == 1, "redirects are not followed"


ADDRESSES = {
    "nothing": ("", "HOOK holds no address"),
    "no scheme": ("hooks.slack.com/s3cret", "no http or https address"),
    "a file": ("file:///etc/s3cret", "no http or https address"),
    "no port": ("http://127.0.0.1:s3cret/", "no http or https address"),
    "blanks": ("http://127.0.0.1:1/s3cret x", "no http or https address"),
    "no host": ("http://no.such.host.invalid/s3cret", "cannot be reached"),
    "nobody there": ("http://127.0.0.1:1/s3cret", "cannot be reached"),
    "control": ("http://127.0.0.1:1/s3cret\x7fx", "cannot be reached: InvalidURL"),
    "letters": ("http://127.0.0.1:1/s3crét", "cannot be reached"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_an_address_that_cannot_be_is_never_repeated(monkeypatch, case):
    address, expected = ADDRESSES[case]
    monkeypatch.setenv("HOOK", address)
    with pytest.raises(ChannelError, match=expected) as told:
        send(Webhook(type="webhook", url_env="HOOK"), MESSAGE)
    assert "s3c" not in str(told.value)
    assert told.value.__cause__ is None


def python(code):
    return [sys.executable, "-c", code]


def test_a_command_gets_json_and_no_shell(tmp_path):
    path = tmp_path / "got"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + sys.argv[2])"
    send(Command(type="command", command=[*python(code), str(path), "$HOME; true"]), MESSAGE)
    said, _, rest = path.read_text().rpartition("}")
    assert json.loads(said + "}") == MESSAGE.fields()
    assert rest == "$HOME; true"


COMMANDS = {
    "not there": (["/no/such/program"], "cannot be run: No such file"),
    "fails": (python("raise SystemExit(3)"), "ended with 3"),
    "does not read": (python("import os; os.close(0)"), None),
    "talks": (python("print('x' * 10_000_000)"), None),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands_that_go_their_own_way(case):
    command, expected = COMMANDS[case]
    channel = Command(type="command", command=command, timeout=60)
    if expected is None:
        send(channel, MESSAGE)
        return
    with pytest.raises(ChannelError, match=expected):
        send(channel, MESSAGE)


def test_a_command_has_its_time_and_takes_its_children_along(tmp_path):
    pipe = tmp_path / "alive"
    code = (
        "import subprocess, sys\n"
        "child = [sys.executable, '-c', 'import sys, time; f = open(sys.argv[1], \"w\"); "
        'f.write("x"); f.flush(); time.sleep(600)\', sys.argv[1]]\n'
        "subprocess.run(child)"
    )
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    channel = Command(type="command", command=[*python(code), str(pipe)], timeout=3)
    with pytest.raises(ChannelError, match="did not end within 3 s"):
        send(channel, MESSAGE)
    reader.join(60)  # the other end is closed once nobody has it open
    assert not reader.is_alive()


def test_the_log(caplog):
    send(Log(type="log"), MESSAGE)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == ("otel-claude: FIRING critical: errors <search>: 5% & more")


# --- delivery ----------------------------------------------------------------------------------


class Time:
    """Waits take no time, and are counted."""

    def __init__(self):
        self.now = 0.0
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
        return False

    def clock(self):
        return self.now


@pytest.fixture
def delivery(webhook):
    time = Time()
    made = Delivery("team", webhook, wait=time.wait, clock=time.clock)
    yield made, time
    made.close(60)


def test_what_fails_is_tried_again_and_told_once(receiver, delivery, caplog):
    made, time = delivery
    receiver.statuses = [500, 503, 500]
    made.put(MESSAGE)
    until(lambda: made.counts.sent == 1)
    assert time.waits == [1, 2, 4]
    until(lambda: len(caplog.records) == 2)
    assert [record.getMessage() for record in caplog.records] == [
        "otel-claude: alerts do not reach the channel team: the webhook answers HTTP 500; "
        "trying again for an hour",
        "otel-claude: alerts reach the channel team again",
    ]
    assert made.counts.failed == 3
    assert made.counts.last_error is None


def test_messages_arrive_in_their_order(receiver, delivery):
    made, _ = delivery
    receiver.statuses = [500]
    for number in range(5):
        made.put(Message(**{**MESSAGE.fields(), "rule": str(number)}))
    until(lambda: made.counts.sent == 5)
    assert [text[-1] for text in receiver.texts()] == [*"01234"]


def test_after_an_hour_it_is_given_up_and_told(receiver, delivery, caplog):
    made, time = delivery
    receiver.statuses = [500] * 100
    made.put(MESSAGE)
    until(lambda: made.counts.lost == 1)
    assert 3600 < time.now < 3600 + 2 * 300
    assert max(time.waits) == 300
    assert "was given up" in caplog.records[-1].getMessage()
    receiver.statuses = []
    made.put(MESSAGE)
    until(lambda: made.counts.sent == 1)


def test_no_more_wait_than_there_is_room_for(monkeypatch, caplog):
    free = threading.Event()
    monkeypatch.setattr(channels, "_run", lambda *_: free.wait(60))
    made = Delivery("x", Command(type="command", command=["x"]))
    for _ in range(150):
        made.put(MESSAGE)
    assert made.waiting == 100
    assert made.counts.lost == 50
    free.set()
    until(lambda: made.waiting == 0)
    made.close(60)
