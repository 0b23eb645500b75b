"""Asks an authority when it would like a certificate renewed (RFC 9773 §4), and takes every kind of silence.

What went wrong is never an error of the caller's: the window known before stays, and the answer says when to look again.
"""

from __future__ import annotations

from msgspec.structs import replace

from postil.acme import ari, limits
from postil.acme.files import Kept, KeptWindow
from postil.acme.objects import RenewalInfo, read
from postil.acme.problem import AcmeError, Unavailable
from postil.acme.session import Session
from postil.http.exchange import TimedOut, Unreachable


def wanted(kept: Kept, now: float) -> bool:
    """Is it time to look?"""
    # RFC 9773 §4.3: "Clients MUST NOT check a certificate's RenewalInfo after the certificate has expired.", nor "after they
    # consider the certificate to be replaced": the state on disk only ever knows the newest.
    usable = kept.issued is not None and not kept.revoked and now < kept.not_after
    return usable and bool(kept.identifier) and now >= kept.window.look


async def look(session: Session, identifier: str, before: KeptWindow) -> KeptWindow:
    """The window that the authority suggests, with a moment chosen in it."""
    world = session.world
    try:
        directory = await session.directory()
        if not directory.renewal_info or not identifier:
            # No such thing there; it may be learnt.
            return KeptWindow(look=world.clock.now() + limits.ARI_MOST)
        answer = await session.get(
            ari.url(directory.renewal_info, identifier), "asking when to renew"
        )
        info = read(answer.body, RenewalInfo, "the renewal information")
    except Unavailable as error:
        return _silence(before, world.clock.now(), temporary=_temporary(error))
    except AcmeError:
        return _silence(before, world.clock.now(), temporary=False)
    now = world.clock.now()
    found = ari.window(info)
    if found is None:
        return _silence(before, now, temporary=False)
    chosen = before.chosen
    if chosen is None or (before.start, before.end) != (found.start, found.end):
        chosen = ari.choose(found, world.random())
    return KeptWindow(
        start=found.start,
        end=found.end,
        explanation=found.explanation,
        chosen=chosen,
        # RFC 9773 §4.3.2: "After an initial fetch of a certificate's RenewalInfo, clients MUST fetch it again as soon as possible
        # after the time indicated in the Retry-After header"
        look=now + ari.next_look(answer.retry_after(now)),
    )


def _temporary(error: Unavailable) -> bool:
    """RFC 9773 §4.3.3: time-outs and 5xx are temporary; a refused connection and a name that is not found are not."""
    cause = error.__cause__
    return isinstance(cause, TimedOut) or not isinstance(cause, Unreachable)


def _silence(before: KeptWindow, now: float, *, temporary: bool) -> KeptWindow:
    tries, wait = ari.after_error(before.tries) if temporary else (0, limits.ARI_AGAIN)
    return replace(before, tries=tries, look=now + wait)
