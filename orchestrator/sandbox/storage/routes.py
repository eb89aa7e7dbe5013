"""Every method of Cloud Storage that the sandbox imitates, in the order in which they are tried."""

from __future__ import annotations

from orchestrator.sandbox.storage.acl_routes import AclRoutes
from orchestrator.sandbox.storage.bucket_routes import BucketRoutes
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.object_routes import ObjectRoutes
from orchestrator.sandbox.storage.rewrite_routes import RewriteRoutes
from orchestrator.sandbox.storage.sessions import Sessions
from orchestrator.sandbox.storage.uploads import Uploads
from orchestrator.sandbox.storage.xml_routes import XmlRoutes
from orchestrator.sandbox.web import Route


class StorageRoutes:
    """Answer for Cloud Storage."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._sessions = Sessions(buckets.clock)

    def routes(self) -> list[Route]:
        return [
            *BucketRoutes(self._buckets).routes(),
            *ObjectRoutes(self._buckets).routes(),
            *RewriteRoutes(self._buckets).routes(),
            *Uploads(self._buckets, self._sessions).routes(),
            *AclRoutes(self._buckets).routes(),
        ]

    def xml_routes(self) -> list[Route]:
        """The XML API, whose paths fit nearly everything: they are tried last."""
        return XmlRoutes(self._buckets, self._sessions).routes()
