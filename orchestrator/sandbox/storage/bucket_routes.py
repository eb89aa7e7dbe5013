"""The methods of buckets: their resources, policies and notifications."""

from __future__ import annotations

import base64
import re
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.storage import access, schema
from orchestrator.sandbox.storage.bucket_settings import merged
from orchestrator.sandbox.storage.calls import BUCKET, Calls, answer, bucket_answer, optional, page_size, preconditions
from orchestrator.sandbox.storage.resources import bucket_resource
from orchestrator.sandbox.storage.values import Bucket
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route, not_imitated, truth

_GET = "projection userProject ifMetagenerationMatch ifMetagenerationNotMatch"
_VERSION, _TEST = "optionsRequestedPolicyVersion", "/iam/testPermissions"
_LISTS = "predefinedAcl predefinedDefaultObjectAcl"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
MAX_PAGE = 1000
MAX_NOTIFICATIONS = 100
# A bucket made through the API has access lists unless it is told otherwise; the sandbox's own have none.
OPEN_ACCESS = {"uniformBucketLevelAccess": {"enabled": False}, "publicAccessPrevention": "inherited"}


class BucketRoutes(Calls):
    """buckets: all but relocation and restoring; notifications, kept and never sent."""

    def routes(self) -> list[Route]:
        every = r"/storage/v1/b"
        configs = BUCKET + r"/notificationConfigs"
        named = configs + "/(?P<number>[^/]+)"
        lists = "project prefix maxResults pageToken projection userProject softDeleted"
        insert = f"project projection userProject enableObjectRetention {_LISTS}"
        layout, lock = "prefix", "ifMetagenerationMatch userProject"
        return [
            self.route("buckets.list", "GET", every, self._list, lists),
            self.route("buckets.insert", "POST", every, self._insert, insert),
            self.route("buckets.get", "GET", BUCKET, self._get, _GET + " softDeleted generation"),
            self.route("buckets.patch", "PATCH", BUCKET, self._patch, f"{_GET} {_LISTS}"),
            self.route("buckets.update", "PUT", BUCKET, self._update, f"{_GET} {_LISTS}"),
            self.route("buckets.delete", "DELETE", BUCKET, self._delete, _GET),
            self.route("buckets.getIamPolicy", "GET", BUCKET + "/iam", self._policy, f"{_VERSION} userProject"),
            self.route("buckets.setIamPolicy", "PUT", BUCKET + "/iam", self._set_policy, "userProject"),
            self.route("buckets.testIamPermissions", "GET", BUCKET + _TEST, self._test, "permissions userProject"),
            self.route("buckets.lockRetentionPolicy", "POST", BUCKET + "/lockRetentionPolicy", self._lock, lock),
            self.route("buckets.getStorageLayout", "GET", BUCKET + "/storageLayout", self._layout, layout),
            self.route("notifications.list", "GET", configs, self._notifications, "userProject"),
            self.route("notifications.insert", "POST", configs, self._notify, "userProject"),
            self.route("notifications.get", "GET", named, self._notification, "userProject"),
            self.route("notifications.delete", "DELETE", named, self._silence, "userProject"),
        ]

    def _list(self, request: Request) -> Response:
        if truth(request, "softDeleted"):
            raise not_imitated("soft-deleted buckets")
        prefix, token = request.query.get("prefix", ""), request.query.get("pageToken", "")
        size = page_size(request, "maxResults", MAX_PAGE)
        found = [each for each in self.buckets.all() if each.name.startswith(prefix) and each.name > token]
        full = request.query.get("projection") == "full"
        told: dict[str, Any] = {"kind": "storage#buckets"}
        if len(found) > size:
            told["nextPageToken"] = found[size - 1].name
        if shown := found[:size]:
            told["items"] = [bucket_resource(each, request.base_url, full=full) for each in shown]
        return answer(request, told)

    def _insert(self, request: Request) -> Response:
        body = request.json()
        name = bodies.text(body, "name")
        if not name:
            raise ProtocolViolation("Required parameter: name")
        if not _NAME.fullmatch(name) or name.startswith("goog") or ".." in name:
            raise ApiError(400, f"Invalid bucket name: '{name}'")
        if self.buckets.exists(name):
            raise ApiError(409, "Your previous request to create the named bucket succeeded and you already own it.")
        if truth(request, "enableObjectRetention"):
            body["objectRetention"] = {"mode": "Enabled"}
        made = self.buckets.create(name, settings={"iamConfiguration": OPEN_ACCESS, **body})
        return bucket_answer(request, self._with_lists(request, made, body))

    def _with_lists(self, request: Request, bucket: Bucket, body: dict[str, Any]) -> Bucket:
        """Keep the access lists that a request gives a bucket, by name or in the body."""
        for parameter, extra, kind in (
            ("predefinedAcl", "acl", "bucket"),
            ("predefinedDefaultObjectAcl", "defaultObjectAcl", "object"),
        ):
            entries = access.predefined(request.query.get(parameter), bucket)
            entries = entries or access.listed(body, extra, kind, bucket)
            if entries:
                bucket = self.buckets.keep_extra(bucket.name, extra, list(entries))
        return bucket

    def _get(self, request: Request, bucket: str) -> Response:
        if truth(request, "softDeleted"):
            raise not_imitated("soft-deleted buckets")
        found = self.buckets.bucket(bucket)
        preconditions(request).check_metageneration(found.metageneration)
        return bucket_answer(request, found)

    def _patch(self, request: Request, bucket: str) -> Response:
        body = request.json()
        wanted = merged(self.buckets.bucket(bucket).settings, body)
        return self._changed(request, bucket, wanted, body)

    def _update(self, request: Request, bucket: str) -> Response:
        body = request.json()
        access_settings = self.buckets.bucket(bucket).settings.get("iamConfiguration") or {}
        return self._changed(request, bucket, {"iamConfiguration": access_settings, **body}, body)

    def _changed(self, request: Request, bucket: str, wanted: dict[str, Any], body: dict[str, Any]) -> Response:
        made = self.buckets.change(bucket, wanted, preconditions(request))
        return bucket_answer(request, self._with_lists(request, made, body))

    def _delete(self, request: Request, bucket: str) -> Response:
        self.buckets.remove(bucket, preconditions(request))
        return Response(204)

    def _policy(self, request: Request, bucket: str) -> Response:
        return answer(request, _policy_of(self.buckets.bucket(bucket)))

    def _set_policy(self, request: Request, bucket: str) -> Response:
        body, old = request.json(), _policy_of(self.buckets.bucket(bucket))
        schema.check("Policy", body)
        if body.get("etag") not in (None, "", old["etag"]):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")
        kept = {
            "version": body.get("version", 1),
            "bindings": body.get("bindings") or [],
            "edition": 1 + self.buckets.bucket(bucket).extras.get("iam", {}).get("edition", 0),
        }
        return answer(request, _policy_of(self.buckets.keep_extra(bucket, "iam", kept)))

    def _test(self, request: Request, bucket: str) -> Response:
        granted = self.buckets.bucket(bucket).permissions
        asked = request.queries.get("permissions", [])
        told: dict[str, Any] = {"kind": "storage#testIamPermissionsResponse"}
        if held := [each for each in asked if each in granted]:
            told["permissions"] = held
        return answer(request, told)

    def _lock(self, request: Request, bucket: str) -> Response:
        wanted = optional(request, "ifMetagenerationMatch")
        if wanted is None:
            raise ProtocolViolation("Required parameter: ifMetagenerationMatch")
        found = self.buckets.bucket(bucket)
        preconditions(request).check_metageneration(found.metageneration)
        if "retentionPolicy" not in found.settings:
            raise ApiError(400, f"Bucket '{bucket}' has no retention policy to lock.")
        return bucket_answer(request, self.buckets.lock_retention(bucket))

    def _layout(self, request: Request, bucket: str) -> Response:
        found = bucket_resource(self.buckets.bucket(bucket), request.base_url)
        told = {name: found[name] for name in ("location", "locationType")}
        return answer(request, {"kind": "storage#storageLayout", "bucket": bucket, **told})

    def _notifications(self, request: Request, bucket: str) -> Response:
        held = self.buckets.bucket(bucket).extras.get("notifications", {})
        told: dict[str, Any] = {"kind": "storage#notifications"}
        return answer(request, {**told, "items": list(held.values())} if held else told)

    def _notify(self, request: Request, bucket: str) -> Response:
        body = request.json()
        schema.check("Notification", body)
        topic, form = bodies.text(body, "topic"), bodies.text(body, "payload_format")
        if not topic or form not in ("JSON_API_V1", "NONE"):
            raise ProtocolViolation("A notification needs a topic and the payload_format JSON_API_V1 or NONE.")
        held = self.buckets.bucket(bucket).extras.get("notifications", {})
        number = str(1 + max((int(each) for each in held), default=0))
        if len(held) >= MAX_NOTIFICATIONS:
            raise ApiError(400, f"A bucket has at most {MAX_NOTIFICATIONS} notifications.")
        path = f"{request.base_url}/storage/v1/b/{bucket}/notificationConfigs/{number}"
        told = {"custom_attributes", "event_types", "object_name_prefix"} & body.keys()
        made = {
            "kind": "storage#notification", "id": number, "selfLink": path, "etag": number, "topic": topic,
            "payload_format": form, **{name: body[name] for name in sorted(told)},
        }  # fmt: skip
        self.buckets.keep_extra(bucket, "notifications", {**held, number: made})
        return answer(request, made)

    def _notification(self, request: Request, bucket: str, number: str) -> Response:
        held = self.buckets.bucket(bucket).extras.get("notifications", {})
        if number not in held:
            raise ApiError(404, f"No such notification: {bucket}/{number}")
        return answer(request, held[number])

    def _silence(self, request: Request, bucket: str, number: str) -> Response:
        self._notification(request, bucket, number)
        held = self.buckets.bucket(bucket).extras["notifications"]
        self.buckets.keep_extra(bucket, "notifications", {k: v for k, v in held.items() if k != number})
        return Response(204)


def _policy_of(bucket: Bucket) -> dict[str, Any]:
    """Return the IAM policy as it was set, or the one that a new bucket has; nobody is kept out by it."""
    kept = bucket.extras.get("iam") or {}
    owners = {
        "role": "roles/storage.legacyBucketOwner",
        "members": ["projectEditor:ee-sandbox", "projectOwner:ee-sandbox"],
    }
    readers = {"role": "roles/storage.legacyBucketReader", "members": ["projectViewer:ee-sandbox"]}
    return {
        "kind": "storage#policy",
        "resourceId": f"projects/_/buckets/{bucket.name}",
        "version": kept.get("version", 1),
        "etag": base64.b64encode(str(kept.get("edition", 0)).encode()).decode(),
        "bindings": kept.get("bindings", [owners, readers]),
    }
