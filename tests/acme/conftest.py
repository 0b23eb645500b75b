"""Authorities for the tests of the ACME client."""

from tests.support.authority import authority, ports, root

__all__ = ["authority", "ports", "root"]
