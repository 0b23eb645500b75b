"""The account at an authority: found, made, kept up to date, its key changed, its end (RFC 8555 §7.3).

The key is on disk before the authority hears of it, so that no crash loses an account. Where the authority has forgotten the
account (a test server after a restart), another one is made, with a key of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from postil.acme import keys
from postil.acme.files import Corrupt, KeptAccount, ProviderFolder
from postil.acme.jws import BadBase64, PrivateKey, bind, jwk, sign, unb64url
from postil.acme.objects import Account, read
from postil.acme.problem import AccountUnusable, BadAnswer, Problem, Refused, Unready
from postil.acme.session import Session, Signer
from postil.config.acme import Provider

Tell = Callable[[str, Mapping[str, object]], None]  # an event and its facts


class Accounts:
    """The account of one provider."""

    def __init__(
        self,
        provider: Provider,
        folder: ProviderFolder,
        session: Session,
        environment: Mapping[str, str],
        tell: Tell,
    ) -> None:
        self._provider = provider
        self._folder = folder
        self._session = session
        self._environment = environment
        self._tell = tell

    async def ready(self) -> Signer:
        """Who signs orders; the account is made when there is none. Under the folder's lock."""
        kept = self._kept()
        if kept is None:
            key = await asyncio.to_thread(keys.make, "ecdsa")
            kept = self._keep(
                KeptAccount(directory=self._provider.directory, key=keys.dump(key).decode())
            )
        if kept.next_key:
            kept = await self._settle(kept)
        if not kept.url:
            kept = await self._register(kept)
        if kept.contact != list(self._provider.contact):
            kept = await self._update(kept)
        return Signer(self._key(kept.key), kept.url)

    async def names_in_caa(self) -> tuple[str, ...]:
        """By which the authority knows itself in CAA records; () when it does not say. Kept, for commands that ask nobody."""
        # RFC 8555 §7.1.1: the field caaIdentities of a directory
        names = list((await self._session.directory()).meta.caa_identities or ())
        kept = self._kept()
        if kept is not None and kept.caa != names:
            self._keep(msgspec.structs.replace(kept, caa=names))
        return tuple(names)

    async def again(self) -> Signer:
        """The authority says that it does not know the account: another one."""
        # RFC 8555 §11.1: "Clients MUST generate a fresh account key for every account creation or rollover operation."
        aside = self._folder.put_account_aside()
        self._tell("put-aside", {"file": str(aside), "reason": "the authority does not know it"})
        return await self.ready()

    def _kept(self) -> KeptAccount | None:
        """Of this authority, or none; what cannot be used is put aside."""
        try:
            kept = self._folder.account()
            if kept is not None:
                self._key(kept.key)
        except Corrupt as corrupt:
            aside = self._folder.put_account_aside()
            self._tell("put-aside", {"file": str(aside), "reason": str(corrupt)})
            return None
        if kept is not None and kept.directory != self._provider.directory:
            aside = self._folder.put_account_aside()
            self._tell("put-aside", {"file": str(aside), "reason": "of another authority"})
            return None
        return kept

    def _key(self, pem: str) -> PrivateKey:
        try:
            return keys.load(pem.encode())
        except (keys.BadKey, UnicodeError) as error:
            raise Corrupt(self._folder.path / "account.json", f"its key: {error}") from error

    def _keep(self, kept: KeptAccount) -> KeptAccount:
        self._folder.keep_account(kept)
        return kept

    async def _register(self, kept: KeptAccount) -> KeptAccount:
        directory = await self._session.directory()
        provider = self._provider
        terms = directory.meta.terms_of_service
        if terms and not provider.agree_terms:
            # RFC 8555 §7.3: "Clients SHOULD NOT automatically agree to terms by default."
            raise Unready(
                f"{provider.name} has terms of service: read {terms} and, if you agree, set agree_terms = true"
            )
        if directory.meta.external_account_required and not provider.eab_kid:
            raise Unready(
                f"{provider.name} wants an account of its own kind: set eab_kid and eab_key_file to what its pages give you"
            )
        key = self._key(kept.key)
        payload: dict[str, Any] = {"contact": list(provider.contact)}
        if provider.agree_terms:
            payload["termsOfServiceAgreed"] = True
        if provider.eab_kid:
            payload["externalAccountBinding"] = bind(
                provider.eab_kid, self._mac(), key, directory.new_account
            )
        # RFC 8555 §6.2: "For newAccount requests, and for revokeCert requests authenticated by a certificate key, there MUST be
        # a "jwk" field."
        answer = await self._session.post(
            directory.new_account,
            payload,
            Signer(key, None),
            f"making an account at {provider.name}",
        )
        account = read(answer.body, Account, "the account")
        url = self._url(answer.fields)
        if account.status != "valid":
            raise _unusable(provider.name, url, Problem(detail=f"it is {account.status}"), 403)
        self._tell("account", {"provider": provider.name, "url": url, "new": answer.status == 201})
        # An account that was there already keeps what it had (RFC 8555 §7.3.1); `ready` brings its contact up to date.
        contact = list(provider.contact) if answer.status == 201 else list(account.contact or [])
        return self._keep(msgspec.structs.replace(kept, url=url, contact=contact))

    @staticmethod
    def _url(fields: Mapping[str, str]) -> str:
        url = fields.get("location", "")
        if not url:
            raise BadAnswer("the authority has an account for us and does not say where")
        return url

    def _mac(self) -> bytes:
        provider = self._provider
        where = provider.eab_key_file or f"the environment variable {provider.eab_key_env}"
        try:
            if provider.eab_key_file:
                text = Path(provider.eab_key_file).read_text("ascii")
            else:
                text = self._environment[provider.eab_key_env]
            mac = unb64url(text.strip().rstrip("="))
        except OSError as error:
            raise Unready(f"{where} cannot be read: {error.strerror}") from error
        except KeyError as error:
            raise Unready(f"{where} is not set") from error
        except (BadBase64, UnicodeError) as error:
            raise Unready(f"{where} holds no key in base64url") from error
        if not mac:
            raise Unready(f"{where} is empty")
        return mac

    async def _update(self, kept: KeptAccount) -> KeptAccount:
        """The contact has changed in the configuration (RFC 8555 §7.3.2)."""
        contact = list(self._provider.contact)
        await self._session.post(
            kept.url, {"contact": contact}, self._signer(kept), "changing the account's contact"
        )
        return self._keep(msgspec.structs.replace(kept, contact=contact))

    def _signer(self, kept: KeptAccount) -> Signer:
        return Signer(self._key(kept.key), kept.url)

    # --- by command

    def existing(self) -> Signer:
        """Who signs; Unready when there is no account, Corrupt when it cannot be read. Nothing is made."""
        kept = self._folder.account()
        if kept is None or not kept.url:
            raise Unready(
                f"there is no account at {self._provider.name} yet: the first order makes it"
            )
        return self._signer(kept)

    async def show(self) -> tuple[KeptAccount, Account]:
        """What we keep and what the authority says about it; nothing is made."""
        who = self.existing()
        assert who.url is not None, "existing accounts have one"
        answer = await self._session.fetch(who.url, who, "asking about the account")
        kept = self._folder.account()
        assert kept is not None, "it was there a moment ago, under the lock"
        return kept, read(answer.body, Account, "the account")

    async def change_key(self) -> KeptAccount:
        """Another key for the same account (RFC 8555 §7.3.5)."""
        await self.ready()
        kept = self._kept()
        assert kept is not None, "ready accounts are on disk"
        directory = await self._session.directory()
        if not directory.key_change:
            raise Unready(f"{self._provider.name} cannot change keys of accounts")
        fresh = await asyncio.to_thread(keys.make, "ecdsa")
        kept = self._keep(msgspec.structs.replace(kept, next_key=keys.dump(fresh).decode()))
        old = self._signer(kept)
        # RFC 8555 §7.3.5: "The inner JWS MUST have the same "url" header parameter as the outer JWS.", "The inner JWS MUST omit
        # the "nonce" header parameter."
        inner = sign(
            fresh,
            {"account": kept.url, "oldKey": jwk(old.key)},
            url=directory.key_change,
            nonce=None,
        )
        await self._session.post(directory.key_change, inner, old, "changing the account's key")
        self._tell("account-key", {"provider": self._provider.name, "url": kept.url})
        return self._keep(msgspec.structs.replace(kept, key=kept.next_key, next_key=""))

    async def _settle(self, kept: KeptAccount) -> KeptAccount:
        """A change of the key was under way: which of the two does the authority know?"""
        directory = await self._session.directory()
        fresh = self._key(kept.next_key)
        try:
            # RFC 8555 §7.3.1: "a JWS whose payload has an "onlyReturnExisting" field set to "true""
            answer = await self._session.post(
                directory.new_account,
                {"onlyReturnExisting": True},
                Signer(fresh, None),
                "looking for the account's new key",
            )
        except Refused as refused:
            if refused.said.kind != "accountDoesNotExist":
                raise
            return self._keep(msgspec.structs.replace(kept, next_key=""))
        return self._keep(
            msgspec.structs.replace(
                kept, key=kept.next_key, next_key="", url=self._url(answer.fields)
            )
        )

    async def deactivate(self) -> Path:
        """The end of the account (RFC 8555 §7.3.6); where its file is now."""
        kept = self._kept()
        if kept is None or not kept.url:
            raise Unready(f"there is no account at {self._provider.name}")
        await self._session.post(
            kept.url, {"status": "deactivated"}, self._signer(kept), "deactivating the account"
        )
        return self._folder.put_account_aside()

    async def explain(self, refused: Refused) -> Refused:
        """An "unauthorized" may mean that the account is no longer good for anything; then AccountUnusable."""
        if refused.said.kind != "unauthorized":
            return refused
        kept = self._kept()
        if kept is None or not kept.url:
            return refused
        name = self._provider.name
        try:
            answer = await self._session.fetch(
                kept.url, self._signer(kept), "asking about the account"
            )
        except Refused as worse:
            # RFC 8555 §7.3.6: a deactivated account hears this whatever it asks.
            if worse.said.kind == "unauthorized":
                return _unusable(name, kept.url, worse.said, worse.status)
            return refused
        status = read(answer.body, Account, "the account").status
        if status in ("deactivated", "revoked"):
            return _unusable(name, kept.url, Problem(detail=f"it is {status}"), refused.status)
        return refused


def _unusable(provider: str, url: str, said: Problem, status: int) -> AccountUnusable:
    return AccountUnusable(
        f"the account {url} at {provider} cannot be used any more (another one is made by"
        f" `postil acme account {provider} --new`)",
        said,
        status,
    )
