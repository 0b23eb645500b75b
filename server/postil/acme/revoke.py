"""A certificate's end before its time (RFC 8555 §7.6), by the account or by the certificate's own key."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from postil.acme import chain, keys
from postil.acme.files import Kept, ProviderFolder
from postil.acme.issue import Issuer, Surroundings, connected
from postil.acme.jws import b64url
from postil.acme.problem import Refused, Unready
from postil.acme.session import Signer

# RFC 5280 §5.3.1: what an authority may write into its list; the numbers that make sense for a server's certificate.
REASONS: Final = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}


async def revoke(issuer: Issuer, around: Surroundings, reason: str, *, by_key: bool) -> Kept:
    """Revoke what is on disk; the state says so from then on, and another is ordered in its turn."""
    provider = issuer.plan.provider
    with ProviderFolder(around.root, provider.name).locked():
        kept = issuer.folder.state()
        issued = issuer.issued(kept) if kept is not None else None
        if kept is None or issued is None:
            raise Unready(f"there is no certificate {issuer.plan.label} to revoke")
        async with connected(provider, around) as session:
            directory = await session.directory()
            if not directory.revoke_cert:
                raise Unready(f"{provider.name} revokes nothing by ACME")
            if by_key:
                # RFC 8555 §7.6: they "can be signed with either an account key pair or the key pair in the certificate."
                who = Signer(keys.load(issued.key_pem), None)
            else:
                who = issuer.accounts(session).existing()
            payload: dict[str, Any] = {"certificate": b64url(chain.der(issued.chain_pem))}
            if REASONS[reason]:
                payload["reason"] = REASONS[reason]
            try:
                await session.post(
                    directory.revoke_cert, payload, who, f"revoking {issuer.plan.label}"
                )
            except Refused as refused:
                if refused.said.kind != "alreadyRevoked":
                    raise
        after = replace(kept, revoked=True, spent=kept.spent or reason == "keyCompromise")
        issuer.folder.keep(after)
        return after
