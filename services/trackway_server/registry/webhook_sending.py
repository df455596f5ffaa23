"""One delivery of a webhook: the event as bytes, signed, sent once; what came of it.

Our own deliveries are signed as https://www.standardwebhooks.com says, MLflow's as MLflow does; both over the id of the
delivery, the time and the body, so that none can be forged, and none replayed once the receiver's window is over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError
from trackway_server.core.outbound.urls import Outbound
from trackway_server.registry.domain.events import Event
from trackway_server.registry.domain.webhook_payloads import About, Payload, payload_of
from trackway_server.registry.domain.webhooks import Outcome, PayloadForm, Verdict, Webhook, outcome_of
from trackway_server.registry.webhook_secrets import SecretBox

if TYPE_CHECKING:
    from trackway_server.core.outbound.posting import Poster

_PREFIX = "whsec_"


class WebhookSender:
    """Sends. For one event loop."""

    def __init__(self, outbound: Outbound, secrets: SecretBox, clock: Clock) -> None:
        self._outbound = outbound
        self._secrets = secrets
        self._clock = clock
        self._poster: Poster | None = None

    def close(self) -> None:
        """Begin nothing more."""
        if self._poster is not None:
            self._poster.close()

    async def send(self, webhook: Webhook, event: Event, known: About) -> Outcome:
        """Send an event to a webhook's address, once."""
        # Costs start-up time that servers without webhooks need not spend.
        from trackway_server.core.outbound.posting import Poster, PostError, retry_after_seconds

        if self._poster is None:
            self._poster = Poster(self._outbound)
        now_s = self._clock.now_us() // 1_000_000
        payload = payload_of(webhook, event, known)
        try:
            secret = await self._secrets.open(webhook.sealed_secret)
            headers = headers_of(payload, webhook.form, secret, now_s)
            answer = await self._poster.post(webhook.url, headers, payload.body, webhook.workspace)
        except PostError as error:
            return Outcome(Verdict.FAILED, 0, str(error))
        except DomainError as error:
            return Outcome(Verdict.FAILED, 0, error.message)
        return outcome_of(answer.status, retry_after_seconds(answer.retry_after, now_s))


def headers_of(payload: Payload, form: PayloadForm, secret: str, now_s: int) -> Mapping[str, str]:
    """The headers of a delivery; the signature where there is a secret."""
    headers = {"Content-Type": payload.media_type, "User-Agent": "trackway-webhooks", "Connection": "close"}
    names = (
        ("X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature")
        if form is PayloadForm.MLFLOW
        else ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    headers |= {names[0]: payload.delivery_id, names[1]: str(now_s)}
    if secret:
        key = secret.encode() if form is PayloadForm.MLFLOW else signing_key(secret)
        signed = f"{payload.delivery_id}.{now_s}.".encode() + payload.body
        headers[names[2]] = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return headers


def signing_key(secret: str) -> bytes:
    """The key that Standard Webhooks means: what `whsec_` encodes in base64; of any other text, its bytes."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
