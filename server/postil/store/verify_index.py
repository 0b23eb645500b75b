"""What must hold between the tables of `index.db`: each promise as a query whose rows break it.

RFC 9051 §2.3.1.1, §6.3.11 (counters); RFC 7162 §3.1.1; RFC 9208 §5. A row says where and what. Deleted mailboxes that wait to be purged
(`doomed`) promise nothing about their counters, but their messages still hold their bodies.
"""

from __future__ import annotations

from typing import NamedTuple

from postil.store.limits import MARKED_MAX


class Check(NamedTuple):
    """A promise, and the query for what breaks it: rows of (where, what)."""

    name: str
    sql: str


_BOX = "'mailbox ' || b.id || ' (' || coalesce(b.name, 'deleted') || ')'"
_LIVE = "JOIN mailbox AS b ON b.id=m.mailbox AND b.doomed=0"

_SUMS = """
WITH sums AS (
  SELECT b.id AS id, count(m.uid) AS messages, coalesce(sum(m.size), 0) AS size,
    coalesce(sum(m.uid IS NOT NULL AND instr(' ' || coalesce(f.names, '') || ' ', ' \\Seen ') = 0), 0) AS unseen,
    coalesce(sum(instr(' ' || f.names || ' ', ' \\Deleted ') > 0), 0) AS deleted,
    coalesce(sum(m.size * (instr(' ' || f.names || ' ', ' \\Deleted ') > 0)), 0) AS deleted_size,
    coalesce(sum(m.uid >= b.recent_from), 0) AS recent
  FROM mailbox AS b LEFT JOIN msg AS m ON m.mailbox=b.id
    LEFT JOIN flagset AS f ON f.mailbox=m.mailbox AND f.number=m.flags
  WHERE b.doomed=0 GROUP BY b.id
)
"""


def _counter(column: str) -> Check:
    return Check(
        "counters",
        f"{_SUMS} SELECT {_BOX}, '{column} says ' || b.{column} || ', there are ' || s.{column}"
        f" FROM sums AS s JOIN mailbox AS b ON b.id=s.id WHERE b.{column} <> s.{column}",
    )


def _usage(column: str, amount: str) -> Check:
    return Check(
        "usage",
        f"SELECT 'account ' || a.id, '{column} says ' || a.{column} || ', its mailboxes have ' || s.found"
        f" FROM account AS a JOIN (SELECT a.id AS id, coalesce(sum({amount}), 0) AS found FROM account AS a"
        " LEFT JOIN mailbox AS b ON b.account=a.id AND b.doomed=0 GROUP BY a.id) AS s ON s.id=a.id"
        f" WHERE a.{column} <> s.found",
    )


def _owned(table: str, condition: str = "1") -> Check:
    return Check(
        "owners",
        f"SELECT 'mailbox ' || t.mailbox, 'does not exist, but {table} has rows of it' FROM {table} AS t"
        f" WHERE {condition} AND t.mailbox NOT IN (SELECT id FROM mailbox) GROUP BY t.mailbox",
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "uids",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'is not below uidnext ' || b.uidnext"
        f" FROM msg AS m {_LIVE} WHERE m.uid >= b.uidnext OR m.uid < 1",
    ),
    Check(
        "uids",
        f"SELECT {_BOX}, 'uidnext is ' || b.uidnext FROM mailbox AS b"
        " WHERE b.uidnext NOT BETWEEN 1 AND 4294967296",
    ),
    Check(
        "uidvalidity",
        f"SELECT {_BOX}, 'uidvalidity ' || b.uidvalidity || ' was given to another too, or is not one'"
        " FROM mailbox AS b WHERE b.uidvalidity NOT BETWEEN 1 AND 4294967295"
        " OR b.uidvalidity IN (SELECT uidvalidity FROM mailbox GROUP BY uidvalidity HAVING count(*) > 1)",
    ),
    Check(
        "modseqs",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'modseq ' || m.modseq || ' is above the highest, ' || b.highest_modseq"
        f" FROM msg AS m {_LIVE} WHERE m.modseq > b.highest_modseq OR m.modseq < 1",
    ),
    Check(
        "modseqs",
        f"SELECT {_BOX}, 'its snapshot is of modseq ' || b.snapshot_modseq || ', above the highest'"
        " FROM mailbox AS b WHERE b.snapshot_modseq > b.highest_modseq",
    ),
    Check(
        "gone",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'expunged with modseq ' || m.modseq || ', the highest is ' || b.highest_modseq"
        f" FROM gone AS m {_LIVE} WHERE m.modseq > b.highest_modseq OR m.modseq < 1",
    ),
    Check(
        "gone",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'expunged, but uidnext is ' || b.uidnext"
        f" FROM gone AS m {_LIVE} WHERE m.uid >= b.uidnext OR m.uid < 1",
    ),
    Check(
        "gone",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'expunged and still there'"
        f" FROM gone AS m {_LIVE} JOIN msg AS o ON o.mailbox=m.mailbox AND o.uid=m.uid",
    ),
    Check(
        "gone",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'expunged ' || count(*) || ' times'"
        f" FROM gone AS m {_LIVE} GROUP BY m.mailbox, m.uid HAVING count(*) > 1",
    ),
    *(
        _counter(column)
        for column in ("messages", "size", "unseen", "deleted", "deleted_size", "recent")
    ),
    Check(
        "counters",
        f"SELECT {_BOX}, 'recent_from ' || b.recent_from || ' is above uidnext ' || b.uidnext"
        " FROM mailbox AS b WHERE b.recent_from > b.uidnext OR b.recent_from < 1",
    ),
    _usage("octets", "b.size"),
    _usage("messages", "b.messages"),
    _usage("mailboxes", "b.id IS NOT NULL"),
    Check(
        "usage",
        f"SELECT {_BOX}, 'its account ' || b.account || ' has no row' FROM mailbox AS b"
        " WHERE b.account NOT IN (SELECT id FROM account)",
    ),
    Check(
        "flag sets",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'its flag set ' || m.flags || ' is not known'"
        f" FROM msg AS m {_LIVE} WHERE m.flags <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM flagset AS f WHERE f.mailbox=m.mailbox AND f.number=m.flags)",
    ),
    _owned("msg"),
    _owned("gone"),
    _owned("flagset"),
    _owned("rights"),
    _owned("special_use"),
    _owned("annotation", "t.mailbox <> 0"),
    *(
        Check(
            "acquaintances",
            f"SELECT 'account ' || account, 'does not exist, but {table} has rows of it' FROM {table}"
            " WHERE account NOT IN (SELECT id FROM account) GROUP BY account",
        )
        for table in ("acquaintance", "joined")
    ),
    Check(
        "acquaintances",
        "SELECT 'account ' || account, 'somebody is marked ' || marked || ' times'"
        f" FROM acquaintance WHERE marked NOT BETWEEN -{MARKED_MAX} AND {MARKED_MAX}",
    ),
    Check(
        "acquaintances",
        "SELECT 'account ' || account, 'a row says nothing' FROM acquaintance"
        " WHERE written_to NOT IN (0, 1) OR written_to=0 AND marked=0",
    ),
    Check(
        "bodies",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'its body ' || m.body || ' has no row'"
        " FROM msg AS m JOIN mailbox AS b ON b.id=m.mailbox WHERE m.body NOT IN (SELECT id FROM body)",
    ),
    Check(
        "bodies",
        "SELECT 'body ' || o.id, 'refs says ' || o.refs || ', used by ' || coalesce(u.uses, 0)"
        " FROM body AS o LEFT JOIN (SELECT body, count(*) AS uses FROM msg GROUP BY body) AS u"
        " ON u.body=o.id WHERE o.refs <> coalesce(u.uses, 0)",
    ),
    Check(
        "bodies",
        "SELECT 'body ' || id, 'has no envelope' FROM body WHERE id NOT IN (SELECT body FROM shape)",
    ),
    Check(
        "bodies",
        "SELECT 'body ' || body, 'is gone, its envelope is not' FROM shape"
        " WHERE body NOT IN (SELECT id FROM body)",
    ),
    Check(
        "bodies",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'belongs to account ' || b.account || ', its body to ' || o.account"
        f" FROM msg AS m {_LIVE} JOIN body AS o ON o.id=m.body WHERE o.account <> b.account",
    ),
    Check(
        "bodies",
        f"SELECT {_BOX} || ' uid ' || m.uid, 'size says ' || m.size || ', it has '"
        " || (o.length + coalesce(length(o.prefix), 0))"
        f" FROM msg AS m {_LIVE} JOIN body AS o ON o.id=m.body"
        " WHERE m.size <> o.length + coalesce(length(o.prefix), 0)",
    ),
    Check(
        "bodies",
        "SELECT 'body ' || id, 'is newer than the last, ' || (SELECT seq FROM sqlite_sequence WHERE name='body')"
        " FROM body WHERE id > (SELECT seq FROM sqlite_sequence WHERE name='body')",
    ),
    Check(
        "segments",
        "SELECT 'body ' || id, 'its segment ' || segment || ' has no row' FROM body"
        " WHERE segment NOT IN (SELECT number FROM segment)",
    ),
    Check(
        "segments",
        "SELECT 'segment ' || s.number, 'live says ' || s.live || ', its bodies say ' || coalesce(u.found, 0)"
        " FROM segment AS s LEFT JOIN (SELECT o.segment AS number,"
        " sum(CASE t.kind WHEN 0 THEN o.length + 32 ELSE 1 END) AS found"
        " FROM body AS o JOIN segment AS t ON t.number=o.segment GROUP BY o.segment) AS u"
        " ON u.number=s.number WHERE s.live <> coalesce(u.found, 0)",
    ),
    Check(
        "segments",
        "SELECT 'segment ' || number, 'its number was never reserved' FROM segment"
        " WHERE number >= (SELECT value FROM meta WHERE key='segment_numbers')",
    ),
)
