"""Where messages go: a webhook, a command, the log."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_claude.local.alerts.rules import Command, Log, Webhook

if TYPE_CHECKING:
    from otel_claude.local.alerts.message import Message

logger = logging.getLogger("otel_claude.alerts")
_ANSWER: Final = 65_536  # bytes of an answer that are read


class ChannelError(Exception):
    """A message could not be delivered; the text says why, and holds no address."""


def send(channel: Webhook | Command | Log, message: Message) -> None:
    """Deliver a message, within the channel's timeout.

    Raises:
        ChannelError: it could not be.
    """
    if isinstance(channel, Webhook):
        _post(channel, message)
    elif isinstance(channel, Command):
        _run(channel, message)
    else:
        logger.warning("otel-claude: %s: %s", message.title, message.text)


def address_of(channel: Webhook) -> str:
    """The address of a webhook.

    Raises:
        ChannelError: there is none.
    """
    if channel.url_env is not None:
        address, place = os.environ.get(channel.url_env, ""), channel.url_env
    else:
        place = str(channel.url_file)
        try:
            address = Path(place).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ChannelError(f"{place} cannot be read: {reason}") from None
    address = address.strip()
    if not address:
        raise ChannelError(f"{place} holds no address")
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter.isspace() for letter in address):
        raise ChannelError(f"what {place} holds is no http or https address")
    return address


class _Stay(urllib.request.HTTPRedirectHandler):
    """A message is for this address and no other."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


_opener: Final = urllib.request.build_opener(_Stay)


def _post(channel: Webhook, message: Message) -> None:
    request = urllib.request.Request(  # noqa: S310 - http or https, see address_of
        address_of(channel),
        json.dumps(message.slack()).encode(),
        {"content-type": "application/json"},
    )
    try:
        with _opener.open(request, timeout=channel.timeout) as answer:
            answer.read(_ANSWER)
    except urllib.error.HTTPError as error:
        error.close()
        raise ChannelError(f"the webhook answers HTTP {error.code}") from None
    except urllib.error.URLError as error:
        raise ChannelError(f"the webhook cannot be reached: {error.reason}") from None
    except TimeoutError:
        raise ChannelError("the webhook does not answer in time") from None
    except Exception as error:
        # The text of others may repeat the address.
        raise ChannelError(f"the webhook cannot be reached: {type(error).__name__}") from None


def _run(channel: Command, message: Message) -> None:
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own, and no shell
            channel.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ChannelError(f"{channel.command[0]} cannot be run: {reason}") from None
    try:
        process.communicate(json.dumps(message.fields()).encode(), timeout=channel.timeout)
    except subprocess.TimeoutExpired:
        # Whatever it has started goes with it.
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        said = f"{channel.command[0]} did not end within {channel.timeout:g} s"
        raise ChannelError(said) from None
    if process.returncode:
        raise ChannelError(f"{channel.command[0]} ended with {process.returncode}")
