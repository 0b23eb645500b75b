"""Where texts come from: a folder, or an address with `rfcN.txt` (the RFC Editor's by default); rule 14.

Errata and the index are sought in a mirror, then beside it (`../errata/`, `../rfc-index.txt`). What a mirror does not have is None; a
connection that fails, a file that came in part, and a file too big to be one are told apart, since they mean different things to the caller.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
from pathlib import Path
from typing import Protocol

# A command line tool fetches here, not the server: nothing waits for this loop.
from urllib.request import Request, urlopen  # noqa: TID251

RFC_EDITOR = "https://www.rfc-editor.org/rfc/"
TIMEOUT = 20.0  # seconds without an octet
LARGEST = 64_000_000  # octets; the RFC Editor's errata.json has about 10 million
_GONE = (403, 404, 410)


class Unreachable(OSError):
    """The connection failed: no network, no such host, or it hung up before it answered."""


class Refused(ValueError):
    """What came is not the file: cut short, or too big; the text says which."""


class Mirror(Protocol):
    """A place with texts."""

    name: str

    def get(self, path: str) -> bytes | None:
        """The octets of a file by its path relative to the texts, or None where there is none."""


class Folder:
    """A mirror on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)

    def get(self, path: str) -> bytes | None:
        """Read a file."""
        file = self.folder / path
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError as error:
            raise Refused(f"cannot be read: {error.strerror}") from error


class Address:
    """A mirror behind http or https; proxies as the environment names them."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        self.name = url.rstrip("/") + "/"
        self._timeout = timeout

    def get(self, path: str) -> bytes | None:
        """Download a file whole; Unreachable or Refused otherwise."""
        request = Request(
            urllib.parse.urljoin(self.name, path), headers={"User-Agent": "postil-rfclinks"}
        )
        try:
            with urlopen(request, timeout=self._timeout) as answer:
                octets: bytes = answer.read(LARGEST + 1)
                # A read with a size does not complain about a connection that ended early; the length does.
                announced = answer.headers.get("Content-Length", "")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _GONE:
                return None
            raise Unreachable(f"{error.code} {error.reason}") from error
        except http.client.IncompleteRead as error:
            raise Refused(f"was cut short after {len(error.partial)} octets") from error
        except urllib.error.URLError as error:
            raise Unreachable(str(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        if len(octets) > LARGEST:
            raise Refused(f"is larger than {LARGEST} octets")
        if announced.isdigit() and int(announced) != len(octets):
            raise Refused(f"was cut short: {len(octets)} of {announced} octets came")
        return octets


def named(place: str) -> Mirror:
    """The mirror of an option or of RFC_MIRROR: an address, or a folder."""
    if place.startswith(("http://", "https://")):
        return Address(place)
    return Folder(Path(place).expanduser())
