"""The configuration: commented TOML files, checked whole before anything of them counts.

There are two kinds of settings. The machine's (`postil.toml`: ports, TLS, limits, where mail lies) are read when the server starts. The
domains (`domains.toml`, or tables `[[domain]]` in `postil.toml`) are live: a running server takes a change over, and
when something is wrong the old ones stay. People write both files, commands write `domains.toml` only, by the same rules.

Files in reading order. What there is: `model`, `acme`, `domain` and `routes` (the tables and fields, with their meaning), `secrets` (values that
nobody may see, and where they are kept). Reading: `locate` (where in a file a field stands), `problems` (what is wrong, and where),
`decode` (TOML to typed tables, all mistakes at once), `names`, `check`, `check_domain` and `check_routes` (what must hold beyond types), `load`
(files to `Config`, or a `ConfigError`), `doubts` (what is allowed and probably not meant). Telling: `example` (the commented files that
`postil config example` prints; a test reads them back), `reference` (what `postil config describe` says), `difference`. Changing: `write` and `edit`
(a change in a text that leaves every other octet alone), `rewrite` (the file replaced in one step, nobody's change lost), `assign`
(`dmarc.p=reject`), `change` and `change_routes` (what commands and pages do to domains, transports and routes). What domains have: `keys` and `rotation` (DKIM keys and their
life), `records` (what to publish in the DNS).

Rules: no field without a documented default; a field that is not known is an error, never ignored; relative paths
are relative to the file. Accounts, addresses and passwords are not configuration: they live in the control database.
"""

from postil.config.domain import Domain
from postil.config.example import EXAMPLE, EXAMPLE_DOMAINS
from postil.config.load import Loaded, load, parse, read
from postil.config.model import Config, Limits, Listener, Tls
from postil.config.problems import ConfigError, Problem

__all__ = [
    "EXAMPLE",
    "EXAMPLE_DOMAINS",
    "Config",
    "ConfigError",
    "Domain",
    "Limits",
    "Listener",
    "Loaded",
    "Problem",
    "Tls",
    "load",
    "parse",
    "read",
]
