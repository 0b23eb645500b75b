"""Every conversation in tests/dialogs/smtp, played against a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import smtp
from tests.support.delivery import post
from tests.support.dialogue import Dialogue, Player, parse
from tests.support.streams import BOUND, MemoryStream

from postil.smtp import Limits

FOLDER = Path(__file__).parent.parent / "dialogs" / "smtp"
FILES = sorted(FOLDER.glob("*.dlg"))


def set_scene(world: smtp.World, dialogue: Dialogue) -> None:
    """`port: submission` or `localserve`; `tls: yes`; `bind: exporter`; `key: alice`; `cram-md5: yes`; `size`, `recipients`, `errors`: limits."""
    match dialogue.value("port", "smtp"):
        case "submission":
            world.submission()
        case "localserve":
            world.offer_login = world.plaintext_login = True
        case "smtp":
            pass
        case other:
            raise ValueError(f"{dialogue.path}: no port {other}")
    if dialogue.value("tls"):
        world.tls = True
    if dialogue.value("bind"):
        world.bound = BOUND
    if key := dialogue.value("key"):
        world.client_key = "ab" * 32
        world.directory.keys["ab" * 32] = key
    world.cram_md5 = dialogue.value("cram-md5") == "yes"
    world.limits = Limits(
        message_size=int(dialogue.value("size", "100000")),
        recipients=int(dialogue.value("recipients", "100")),
        errors=int(dialogue.value("errors", "20")),
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_dialogue(path: Path) -> None:
    """The server says what the file says, with the real delivery pipeline behind it."""
    dialogue = parse(path)
    async with post() as delivery, smtp.world(delivery.pipeline) as world:
        world.directory = delivery.directory
        set_scene(world, dialogue)

        async def connect(number: int) -> MemoryStream:
            stream = await world.connect()
            await stream.client_line()
            if dialogue.value("start") == "ehlo":
                stream.client_write(b"EHLO client.example\r\n")
                while (await stream.client_line())[3:4] == b"-":
                    pass
            return stream

        await Player(dialogue, connect).play()
        for expected in dialogue.values("delivered"):
            name, _, count = expected.partition(" ")
            assert len(await delivery.inbox(name)) == int(count)
        assert not world.failures


def test_there_are_dialogues() -> None:
    """The folder was found."""
    assert len(FILES) >= 10
