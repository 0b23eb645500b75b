"""An account closed, opened again, and its sessions ended: for `postil account disable`, `enable` and `logout`."""

from __future__ import annotations

from typing import Final

from postil.accounts.admin import MAX_LABEL, AccountError, AccountRow, Administration

REASON: Final = "closed by the administrator"


async def disable(database: Administration, name: str, reason: str = REASON) -> AccountRow:
    """Nobody logs in any more, the sessions end, mail to it is refused. Again: only the reason changes."""
    row = await database.show(name)
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_LABEL or not reason.isprintable():
        raise AccountError(f"a reason has 1 to {MAX_LABEL} characters that can be seen")
    await database.connection.execute(
        "UPDATE account SET disabled = ? WHERE id = ?", (reason, row.id)
    )
    return await database.show(name)


async def enable(database: Administration, name: str) -> AccountRow:
    """Everything is as it was."""
    row = await database.show(name)
    # The epoch too: a session that had not yet noticed must not live on.
    await database.connection.execute(
        "UPDATE account SET disabled = NULL, epoch = epoch + 1 WHERE id = ? AND disabled IS NOT NULL",
        (row.id,),
    )
    return await database.show(name)


async def logout(database: Administration, name: str) -> AccountRow:
    """Every session of the account ends; passwords and keys stay good."""
    row = await database.show(name)
    await database.connection.execute(
        "UPDATE account SET epoch = epoch + 1 WHERE id = ?", (row.id,)
    )
    return row
