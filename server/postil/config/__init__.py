"""The machine's configuration: one commented TOML file, read once, checked whole before anything starts.

Files in reading order: `model` (the tables and fields, with their meaning), `acme` (those for certificates), `locate` (which line of the file a field
stands on), `load` (file to `Config`, or a `ConfigError` with file, line and field), `example` (the commented file that
`postil config example` prints; a test reads it back).

Rules: no field without a documented default; a field that is not known is an error, never ignored; relative paths
are relative to the file. Accounts, addresses and secrets are not configuration: they live in the control database.
"""

from postil.config.example import EXAMPLE
from postil.config.load import ConfigError, load, parse
from postil.config.model import Config, Domain, Limits, Listener, Tls

__all__ = [
    "EXAMPLE",
    "Config",
    "ConfigError",
    "Domain",
    "Limits",
    "Listener",
    "Tls",
    "load",
    "parse",
]
