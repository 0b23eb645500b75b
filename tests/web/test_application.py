"""The HTTP pages, asked through the application itself: what they show, what they refuse, what they never let through."""

from __future__ import annotations

import html.parser
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Counter

from postil.base.clock import FixedClock
from postil.ports.accounts import Account
from postil.ports.ids import AccountId
from postil.ports.store import NewMessage, Store
from postil.store.memory import MemoryStore
from postil.web.application import Parts, Port, Trial, Welcome, application
from postil.web.guard import is_loopback_name
from postil.web.overview import Overview

ACCOUNT = Account(AccountId(1), "postil@localhost")
WELCOME = Welcome(
    version="1.2.3",
    host="127.0.0.1",
    login="postil@localhost",
    password="postilpostil",
    data=Path("/tmp/data"),
    certificate=Path("/tmp/data/tls-certificate.pem"),
    ports=(Port("IMAP", 1143, "STARTTLS"),),
    trials=(Trial("Send", "swaks --to 'you@example.net'"),),
)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    memory = MemoryStore(FixedClock())
    await memory.provision(ACCOUNT.id, None)
    yield memory
    await memory.close()


class Site:
    """The application with things a test can change."""

    def __init__(self, store: Store, **more: object) -> None:
        self.not_ready: str | None = None
        self.registry = CollectorRegistry()
        parts: dict[str, object] = {
            "registry": self.registry,
            "ready": self.ready,
            "overview": Overview(store, self.accounts),
            "welcome": WELCOME,
        }
        self.app = application(Parts(**{**parts, **more}))  # type: ignore[arg-type]

    async def ready(self) -> str | None:
        return self.not_ready

    async def accounts(self) -> Sequence[Account]:
        return [ACCOUNT]

    async def get(self, path: str, host: str = "localhost:1080") -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers={"Host": host})


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


async def put(store: Store, octets: bytes, flags: frozenset[str] = frozenset()) -> None:
    inbox = next(box for box in await store.mailboxes(ACCOUNT.id) if box.name == "INBOX")
    writer = store.stage(ACCOUNT.id, len(octets))
    await writer.write(octets)
    await store.append(inbox.id, [NewMessage(await writer.finish(), flags)])


async def test_start_page(site: Site, store: Store) -> None:
    """Login, password, ports, lines to try, mailboxes with counters and the last messages, newest first."""
    await put(store, b"From: Ann <a@example.org>\r\nSubject: first\r\n\r\nx\r\n")
    await put(store, b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nx\r\n", frozenset({"\\Seen"}))
    text = (await site.get("/")).text
    for shown in ("postilpostil", "1143", "you@example.net", "Ann", "first", "café", "INBOX"):
        assert shown in text
    assert text.index("café") < text.index("first")
    assert text.count('class="unseen"') == 1


async def test_mail_cannot_write_our_page(site: Site, store: Store) -> None:
    """Markup, quotes and invisible characters in a message's fields stay text."""
    evil = b"<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    await put(store, b"From: " + evil + b" <a@example.org>\r\nTo: " + evil + b"\r\nSubject: " + evil
              + "\u202egpj.exe\u0007".encode() + b"\r\n\r\nx\r\n")  # fmt: skip
    text = (await site.get("/")).text
    assert "<script" not in text and "<img" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text and "\u0007" not in text


class Outline(html.parser.HTMLParser):
    """What a strict Content-Security-Policy and a screen reader care about."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_is_well_made(site: Site, store: Store) -> None:
    """No scripts, no inline style, nothing from elsewhere; a language, one h1, labelled tables, tags that match."""
    await put(store, b"Subject: x\r\n\r\nx\r\n")
    outline = Outline()
    outline.feed((await site.get("/")).text)
    assert outline.open == []
    names = [tag for tag, _ in outline.tags]
    assert names.count("h1") == 1 and "script" not in names and "style" not in names
    assert dict(outline.tags)["html"].get("lang") == "en"
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in outline.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("href", "src"):
            if (url := attributes.get(name)) is not None:
                assert url.startswith(("/", "#")) and not url.startswith("//")
                if url.startswith("#"):
                    assert url[1:] in ids
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/static/postil.css", "/no"]
)
async def test_every_answer_is_guarded(site: Site, path: str) -> None:
    """The policy and its companions are on every answer, errors too."""
    headers = (await site.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("localhost", True),
        ("LOCALHOST:1080", True),
        ("localhost.:80", True),
        ("mail.localhost", True),
        ("127.0.0.1:1080", True),
        ("127.9.9.9", True),
        ("[::1]:1080", True),
        ("", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.0.2.1", False),
        ("0.0.0.0:1080", False),
        ("[2001:db8::1]", False),
        ("evillocalhost", False),
    ],
)
async def test_only_our_own_names(site: Site, host: str, good: bool) -> None:
    """DNS rebinding: a name that somebody else can point at us gets no page, no metrics, nothing."""
    assert is_loopback_name(host) is good
    if host:
        answers = [await site.get(path, host) for path in ("/", "/metrics", "/static/postil.css")]
        assert {answer.status_code for answer in answers} == {200 if good else 421}
        assert good or "postil@localhost" not in "".join(answer.text for answer in answers)


async def test_health(site: Site) -> None:
    """healthz answers always, readyz says why not."""
    assert (await site.get("/healthz")).status_code == 200
    assert (await site.get("/readyz")).text == "ready\n"
    site.not_ready = "disk full"
    answer = await site.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready: disk full\n")
    assert (await site.get("/healthz")).status_code == 200


async def test_metrics(site: Site) -> None:
    """The registry of this server and no other, in the format scrapers read."""
    Counter("own_thing", "x", registry=site.registry).inc()
    answer = await site.get("/metrics")
    assert "own_thing_total 1.0" in answer.text and "python_info" not in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_source(site: Site, store: Store) -> None:
    """A message's octets, as text whatever it says it is; 404 for one that is not there."""
    octets = b"Content-Type: text/html\r\n\r\n<script>alert(1)</script>\xff\r\n"
    await put(store, octets)
    inbox = next(box.id for box in await store.mailboxes(ACCOUNT.id) if box.name == "INBOX")
    answer = await site.get(f"/source/{inbox}/1")
    assert answer.content == octets
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    for path in (
        f"/source/{inbox}/2",
        "/source/999/1",
        f"/source/{inbox}/x",
        f"/source/{inbox}/-1",
    ):
        assert (await site.get(path)).status_code == 404


async def test_a_real_machine_shows_no_mail(store: Store) -> None:
    """Without an overview there is no start page and no source, only health and metrics."""
    site = Site(store, overview=None, welcome=None)
    assert (await site.get("/")).text == "Postil, a mail server.\n"
    assert (await site.get("/source/1/1")).status_code == 404


async def test_site_is_served_when_built(store: Store, tmp_path: Path) -> None:
    """The documentation is linked and served when it was built, and nothing outside its folder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>Docs</h1>")
    (tmp_path / "secret").write_text("secret")
    site = Site(store, site=tmp_path / "site")
    assert 'href="/docs/"' in (await site.get("/")).text
    assert (await site.get("/docs/")).text == "<h1>Docs</h1>"
    assert (await site.get("/docs/%2e%2e/secret")).status_code == 404


async def test_site_is_being_built_until_it_is_there(store: Store, tmp_path: Path) -> None:
    """Before there is an index a page says so and asks again; then, without a restart, the pages come with a policy of their own."""
    site = Site(store, site=tmp_path / "site")
    waiting = await site.get("/docs/")
    assert waiting.status_code == 503 and "Being built" in waiting.text
    assert waiting.headers["refresh"] == "5"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>Docs</h1>")
    built = await site.get("/docs/")
    assert built.text == "<h1>Docs</h1>"
    assert "script-src 'self'" in built.headers["content-security-policy"]
    assert "script-src" not in (await site.get("/")).headers["content-security-policy"]


async def test_many_messages_and_mailboxes(site: Site, store: Store) -> None:
    """The page stays bounded: the last twenty messages, whatever lies in the mailboxes."""
    for number in range(60):
        await put(store, b"Subject: number %d\r\n\r\nx\r\n" % number)
    text = (await site.get("/")).text
    assert text.count("number ") >= 20 and "number 59" in text and "number 39<" not in text
