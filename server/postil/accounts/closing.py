"""The sessions of an account ended, and nothing else changed: for `postil account logout`."""

from __future__ import annotations

from postil.accounts.admin import Administration
from postil.accounts.rows import AccountRow, thing


async def logout(database: Administration, name: str) -> AccountRow:
    """Every session of the account ends; passwords and keys stay good."""
    async with database.changes.change() as change:
        row = await database.show(name)
        await database.connection.execute(
            "UPDATE account SET epoch = epoch + 1 WHERE id = ?", (row.id,)
        )
        await change.wrote("account.logout", thing(row), None, {"sessions": "ended"})
    return row
