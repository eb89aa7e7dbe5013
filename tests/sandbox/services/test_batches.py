"""Batches of Drive, as google-api-python-client sends them; those of Cloud Storage stand with its buckets."""

from __future__ import annotations

import json

import googleapiclient.discovery
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from googleapiclient.errors import HttpError


@pytest.fixture
def service(sandbox):
    """The client made of the sandbox's own document, which sends batches to it."""
    document = requests.get(sandbox.url + "/discovery/v1/apis/drive/v3/rest", timeout=20).json()
    made = googleapiclient.discovery.build_from_document(json.dumps(document), credentials=AnonymousCredentials())
    yield made
    made.close()


def test_every_call_of_a_batch_is_answered_to_its_caller(service):
    """By the id that the client gave it, whatever became of the others."""
    file = service.files().create(body={"name": "batched"}).execute()["id"]
    told = {}
    batch = service.new_batch_http_request(
        callback=lambda number, answer, error: told.update({number: answer or error})
    )
    batch.add(service.files().get(fileId=file, fields="name"), request_id="there")
    batch.add(service.files().get(fileId="absent"), request_id="absent")
    batch.add(service.files().update(fileId=file, body={"name": "renamed"}, fields="name"), request_id="changed")

    batch.execute()

    assert (told["there"], told["changed"]) == ({"name": "batched"}, {"name": "renamed"})
    assert isinstance(told["absent"], HttpError)
    assert told["absent"].status_code == 404


def test_a_fault_strikes_one_call_of_a_batch(service, kit):
    """Each is drawn as if it came alone."""
    file = service.files().create(body={"name": "batched"}).execute()["id"]
    kit.order("http", api="drive.get", status=403, skip=1)
    found = []
    batch = service.new_batch_http_request(callback=lambda _, answer, error: found.append(answer or error.status_code))
    for _ in range(2):
        batch.add(service.files().get(fileId=file, fields="name"))

    batch.execute()

    assert found == [{"name": "batched"}, 403]
