"""/.well-known/acme-challenge/: the answers of http-01, while an authority looks for them (RFC 8555 §8.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PATH: Final = "/.well-known/acme-challenge/{token}"


def challenge(answers: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """Looks the token up and never repeats one that it does not know: what a stranger asks for is not ours to say."""

    async def answer(request: Request) -> Response:
        text = answers.get(request.path_params["token"])
        if text is None:
            raise HTTPException(404)
        return Response(text.encode("ascii"), media_type="application/octet-stream")

    return answer
