"""What the service manager is told (sd_notify): ready, stopping.

The protocol is one datagram of `NAME=value` lines to the socket named in NOTIFY_SOCKET; a name that begins with @ lies in the
abstract namespace. Without that variable nothing happens.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(message: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell the service manager, such as `READY=1`; False when there is none or it does not listen."""
    name = environment.get("NOTIFY_SOCKET", "")
    if not name:
        return False
    address = "\0" + name[1:] if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(address)
            sender.sendall(message.encode())
    except OSError:
        return False
    return True
