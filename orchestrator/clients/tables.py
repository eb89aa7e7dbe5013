"""Features of a computed collection, page by page: `table:computeFeatures`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.interactive import PIXEL_LIMITS, AnswerReceipt, Interactive
from orchestrator.clients.watch import CallLimits
from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.model.ports import Stop

# The service gives 1,000 features of a page where nothing is said, and may give fewer, or none and a token.
PAGE = 1_000
_MOST_EMPTY = 100  # pages in a row without a feature


@dataclass(frozen=True, slots=True)
class FeatureReply:
    """
    The features of a collection.

    Attributes:
        properties: Of each, in the order in which they came.
        receipt: Of its pages: the checksums of their checksums, the bytes of all, when the last one came.
    """

    properties: Sequence[Mapping[str, Any]]
    receipt: AnswerReceipt


class TableClient:
    """Asks one Earth Engine for tables. Safe to use from several threads."""

    def __init__(
        self, engine: EarthEngine, *, high_volume: bool = False, limits: CallLimits = PIXEL_LIMITS, page: int = PAGE
    ) -> None:
        """`high_volume` takes Google's address for many requests; another service has one address only."""
        self._engine, self._page = engine, page
        self._service = Interactive(engine, high_volume=high_volume, limits=limits)

    def features(self, collection: Any, stop: Stop) -> FeatureReply:
        """
        Return the properties of all features of an `ee.FeatureCollection`, one request a page.

        Raises:
            RefusedError, ThrottleError, QuotaError, TransientError, CredentialError, NotFoundError: As the service
                says, with its sentence.
            IntegrityError: The pages go round in circles.
            Stopped: `stop` was set, and the grace is over.
        """
        found: list[Mapping[str, Any]] = []
        receipts: list[AnswerReceipt] = []
        tokens: set[str] = set()
        token, empty = "", 0
        while True:
            asked = {"expression": collection, "pageSize": self._page} | ({"pageToken": token} if token else {})
            answer, receipt = self._service.ask(lambda: ee.data.computeFeatures(asked), stop)  # noqa: B023  called now
            receipts.append(receipt)
            page = _page(answer)
            found += page
            empty = 0 if page else empty + 1
            token = answer.get("nextPageToken", "")
            if not token:
                return FeatureReply(found, _together(receipts))
            if token in tokens or empty > _MOST_EMPTY:
                raise IntegrityError("the pages of a table go round in circles: nothing is made of a part")
            tokens.add(token)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        self._engine.close()


def _page(answer: Any) -> list[Mapping[str, Any]]:
    features = answer.get("features", []) if isinstance(answer, Mapping) else None
    if not isinstance(features, list) or not all(isinstance(each, Mapping) for each in features):
        raise TransientError("Earth Engine's answer to a request for a table is no page of features")
    return [each.get("properties") or {} for each in features]


def _together(receipts: Sequence[AnswerReceipt]) -> AnswerReceipt:
    if len(receipts) == 1:
        return receipts[0]
    requests, replies = (
        hashlib.sha256("".join(getattr(each, name) for each in receipts).encode()).hexdigest()
        for name in ("request_sha256", "reply_sha256")
    )
    return AnswerReceipt(requests, replies, sum(each.reply_bytes for each in receipts), receipts[-1].at)
