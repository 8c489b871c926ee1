"""Sign-in by an organisation's own provider: OpenID Connect's code flow with PKCE.

The provider says who somebody is; whether they are an editor is a row of ours, and nobody becomes
one by signing in. Only an address that the provider has verified counts (OpenID Connect Core 1.0,
5.1). Needs the extra `oidc`.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from mailer.errors import ConfigError, Refused

WITHIN = timedelta(minutes=10)
"""How long somebody may take at the provider."""

SECONDS = 10
"""How long the provider may take for an answer."""

LARGEST_ANSWER = 1_000_000
REMEMBERED_SECONDS = 3600
"""How long the provider's own description and keys are taken as they were."""

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
"""By which an answer may be signed: by a key of the provider's, and never by our secret or none."""

CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom we ask: the issuer's address, and as whom."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Going:
    """Somebody on their way to the provider: what must come back with them."""

    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def out(cls) -> "Going":
        """Begin a way, with secrets of chance."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


_DESCRIBED: dict[str, tuple[float, Mapping[str, Any]]] = {}


def require() -> None:
    """Raise ConfigError where the library that reads signatures is not installed."""
    try:
        import joserfc  # noqa: F401, PLC0415  (an extra)
    except ImportError:
        raise ConfigError(
            ["sign_in.issuer: install “communique[oidc]”, which reads the provider's signatures"]
        ) from None


def way_out(provider: Provider, going: Going, back: str) -> str:
    """Give where to send somebody; `back` is our address to which they return.

    Raises Refused when the provider does not answer as one.
    """
    challenge = _b64(hashlib.sha256(going.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "openid email profile",
        "state": going.state,
        "nonce": going.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = _of(_description(provider), "authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def who(
    provider: Provider, going: Going, given: Mapping[str, str], back: str, *, now: datetime
) -> str:
    """Give the verified address of whoever came back with a code.

    Raises Refused for everything that is not as it must be.
    """
    if not hmac.compare_digest(given.get("state", "").encode(), going.state.encode()):
        raise Refused("the answer is not to a sign-in that was begun here")
    if not given.get("code"):
        raise Refused("the provider let nobody in")
    about = _description(provider)
    answer = _ask(
        _of(about, "token_endpoint"),
        {
            "grant_type": "authorization_code",
            "code": given["code"][:2000],
            "redirect_uri": back,
            "client_id": provider.client_id,
            "client_secret": provider.client_secret,
            "code_verifier": going.verifier,
        },
    )
    claims = _claims(_of(answer, "id_token"), _ask(_of(about, "jwks_uri")))
    _check(claims, provider, going, now)
    if claims.get("email_verified") not in {True, "true"} or not claims.get("email"):
        raise Refused("the provider has not verified an address")
    return str(claims["email"])


def _claims(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    from joserfc import jwt  # noqa: PLC0415  (an extra)
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    try:
        found = KeySet.import_key_set(dict(keys))  # type: ignore[arg-type]
        return dict(jwt.decode(token, found, algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Refused("the provider's signature cannot be read, or is not its own") from error


def _check(claims: Mapping[str, Any], provider: Provider, going: Going, now: datetime) -> None:
    """Check what OpenID Connect Core 1.0, 3.1.3.7 asks of an answer."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    moment, beside = now.timestamp(), CLOCKS_DIFFER.total_seconds()
    is_ours = (
        claims.get("iss") == provider.issuer
        and provider.client_id in audiences
        and claims.get("azp", provider.client_id) == provider.client_id
        and hmac.compare_digest(str(claims.get("nonce", "")).encode(), going.nonce.encode())
    )
    ends, begins = claims.get("exp"), claims.get("iat")
    is_fresh = (
        isinstance(ends, int | float)
        and isinstance(begins, int | float)
        and ends + beside > moment
        and begins - beside < moment
    )
    if not is_ours:
        raise Refused("the provider's answer is meant for somebody else")
    if not is_fresh:
        raise Refused("the provider's answer is too old")


def _description(provider: Provider) -> Mapping[str, Any]:
    known = _DESCRIBED.get(provider.issuer)
    if known and known[0] > time.monotonic():
        return known[1]
    found = _ask(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != provider.issuer:
        raise Refused("the provider calls itself otherwise than sign_in.issuer does")
    _DESCRIBED[provider.issuer] = (time.monotonic() + REMEMBERED_SECONDS, found)
    return found


def _ask(address: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    if urlsplit(address).scheme not in {"https", "http"}:
        raise Refused("the provider names an address that is none")
    body = urlencode({name: value for name, value in form.items() if value}) if form else None
    request = urllib.request.Request(  # noqa: S310  (https or http, as just seen)
        address, data=body.encode() if body else None, headers={"Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  (as above)
            found = json.loads(answer.read(LARGEST_ANSWER))
    except (OSError, ValueError) as error:
        raise Refused("the provider does not answer as one") from error
    if not isinstance(found, dict):
        raise Refused("the provider does not answer as one")
    return found


def _of(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("the provider does not answer as one")
    return value


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
