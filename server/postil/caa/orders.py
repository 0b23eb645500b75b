"""What we are going to ask a CA for, as far as CAA records may forbid it."""

from __future__ import annotations

from dataclasses import dataclass

from postil.caa import binding
from postil.caa.values import Issuance, write


@dataclass(frozen=True, slots=True)
class Orders:
    """One CA and how we deal with it. ACME tells all of it: `caaIdentities` of the directory, the account's URL, the challenges we answer.

    Empty `account_uris` or `methods`: not known here, so that a record that demands them leaves the verdict open.
    """

    issuers: tuple[
        str, ...
    ]  # the names by which the CA knows itself in CAA records, the first to be published
    account_uris: tuple[str, ...] = ()  # of accounts that are ours
    methods: tuple[str, ...] = ()  # "http-01" …

    def __post_init__(self) -> None:
        if not self.issuers:
            raise ValueError("a CA has at least one name in CAA records")
        for issuer in self.issuers:
            if not issuer:
                raise ValueError("a CA's name in CAA records is a domain name")
            write(Issuance(issuer))
        for uri in self.account_uris:
            binding.parameters(uri, ())
        binding.parameters(None, self.methods)

    @property
    def names(self) -> frozenset[str]:
        """The CA's names in lower case."""
        return frozenset(one.lower() for one in self.issuers)
