"""ACME Renewal Information (RFC 9773): the certificate's identifier, the window, the moment chosen in it, the next look.

Pure: `schedule` decides with it, `renew` asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from postil.acme import limits
from postil.acme.chain import Facts
from postil.acme.jws import b64url
from postil.acme.objects import RenewalInfo, moment


@dataclass(frozen=True, slots=True)
class Window:
    """When an authority would like to see us. Seconds since the epoch."""

    start: float
    end: float
    explanation: str = ""


def certificate_id(facts: Facts) -> str | None:
    """The identifier of a certificate in URLs and in "replaces"; None for one without authority key identifier."""
    if not facts.authority_key or facts.serial <= 0:
        return None
    # RFC 9773 §4.1: "concatenating the base64url encoding [RFC4648] of the keyIdentifier field of the certificate's Authority
    # Key Identifier (AKI) [RFC5280] extension, the period character ".", and the base64url encoding of the DER-encoded
    # Serial Number field (without the tag and length bytes)". The one octet more is for the sign, as DER has it.
    serial = facts.serial.to_bytes(facts.serial.bit_length() // 8 + 1, "big")
    # RFC 9773 §4.1: "All trailing "=" characters MUST be stripped from both parts of the unique identifier."
    return f"{b64url(facts.authority_key)}.{b64url(serial)}"


def url(renewal_info: str, identifier: str) -> str:
    """RFC 9773 §4.1: "url = renewalInfo || '/' || base64url(AKI keyIdentifier) || '.' || base64url(Serial)"."""
    return f"{renewal_info.removesuffix('/')}/{identifier}"


def window(info: RenewalInfo) -> Window | None:
    """The window; None for one that is none."""
    try:
        start, end = moment(info.suggested_window.start), moment(info.suggested_window.end)
    except (ValueError, OverflowError):
        return None
    if end <= start:
        # RFC 9773 §4.2: "A RenewalInfo object in which the end timestamp equals or precedes the start timestamp is invalid."
        # "clients MUST treat one as though they failed to receive any response from the server"
        return None
    return Window(start, end, (info.explanation_url or "")[: limits.URL])


def choose(found: Window, share: float) -> float:
    """RFC 9773 §4.2: "Select a uniform random time within the suggested window."; `share` is random, 0 to 1."""
    return found.start + (found.end - found.start) * share


def next_look(retry_after: float | None) -> float:
    """Seconds until the window is looked at again."""
    if retry_after is None:
        # RFC 9773 §4.3.3: "On receiving a long-term error, clients MUST make the next renewalInfo request as soon as possible
        # after six hours have passed"; a Retry-After that is missing or makes no sense is one.
        return limits.ARI_AGAIN
    # RFC 9773 §4.3.2: "Clients MUST set reasonable limits on their checking interval."
    return min(max(retry_after, limits.ARI_LEAST), limits.ARI_MOST)


def after_error(tries: int) -> tuple[int, float]:
    """How often it has been tried in a row once this try has failed for a while, and seconds until the next."""
    # RFC 9773 §4.3.3: "On receiving a temporary error, clients SHOULD do exponential backoff with a capped number of tries.
    # If all tries are exhausted, clients MUST treat the request as a long-term error."
    if tries + 1 >= limits.ARI_TRIES:
        return 0, limits.ARI_AGAIN
    return tries + 1, limits.ARI_PAUSE * 2**tries
