"""Every command the server knows, joined from the modules that define them.

RFC 9051 §6. A command that is not in this visible list does not exist; one whose capability is switched off for the account
answers as if it did not.
"""

from __future__ import annotations

from typing import Final

from postil.imap.command import Spec
from postil.imap.commands import (
    append,
    authenticate,
    capability,
    close,
    copy,
    create,
    delete,
    enable,
    expunge,
    fetch,
    list,
    login,
    logout,
    lsub,
    namespace,
    noop,
    rename,
    search,
    select,
    starttls,
    status,
    store,
    subscribe,
)
from postil.imap.extensions import (
    compress,
    id,
    idle,
    metadata,
    multisearch,
    notify,
    quota,
    replace,
    uidbatches,
    unauthenticate,
)

MODULES: Final = (
    # RFC 9051 §6.1: any state
    capability,
    noop,
    logout,
    id,
    # RFC 9051 §6.2: before login
    starttls,
    authenticate,
    login,
    # RFC 9051 §6.3: after login
    enable,
    select,
    create,
    delete,
    rename,
    subscribe,
    list,
    lsub,
    namespace,
    status,
    append,
    idle,
    quota,
    metadata,
    notify,
    multisearch,
    compress,
    unauthenticate,
    # RFC 9051 §6.4: a mailbox is selected
    close,
    expunge,
    fetch,
    search,
    store,
    copy,
    replace,
    uidbatches,
)

COMMANDS: Final[dict[str, Spec]] = {
    spec.name: spec for module in MODULES for spec in module.COMMANDS
}

# How many arguments stand before a message literal that is streamed, not collected.
STREAMED: Final = {"APPEND": 1, "REPLACE": 2, "UID REPLACE": 2}
