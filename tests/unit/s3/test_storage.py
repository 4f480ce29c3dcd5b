"""Stored files open as file objects that read ranges and never write."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from botocore.client import BaseClient
from django.core.files import File

from uploads.errors import InvalidState, NotFound, StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.requesting import ObjectRequests
from uploads.s3.storage import (
    BLOCK,
    MAX_LINE,
    MAX_READ,
    MIB,
    UploadStorage,
    open_upload,
)
from uploads.states import State

TEXT = b"name;age\nada;36\nalan;41"


@dataclass
class Row:
    """A row with the columns that an open file needs."""

    key: str = "uploads/a"
    state: str = State.READY
    filename: str = "people.csv"
    etag: str = ""


@pytest.fixture
def calls() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Record the name and the parameters of each call to S3."""
    made: list[tuple[str, dict[str, Any]]] = []
    client_class: Any = BaseClient
    send = client_class._make_api_call

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        made.append((operation, parameters))
        return send(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", record):
        yield made


def store(bucket: Bucket, content: bytes, **changes: Any) -> Row:
    """Store an object, and return its row."""
    row = Row(**changes)
    answer = bucket.client.put_object(Bucket=bucket.name, Key=row.key, Body=content)
    row.etag = answer["ETag"]
    return row


def store_zeros(bucket: Bucket, byte_size: int) -> Row:
    return store(bucket, bytes(byte_size))


def test_open_file_is_a_django_file_with_random_access(bucket: Bucket) -> None:
    with open_upload(store(bucket, TEXT)) as file:
        assert isinstance(file, File)
        assert (file.name, file.size, file.closed) == ("people.csv", len(TEXT), False)
        assert (file.readable(), file.seekable(), file.writable()) == (
            True,
            True,
            False,
        )
        assert file.read(4) == b"name"
        assert file.tell() == 4
        assert file.seek(-2, io.SEEK_END) == len(TEXT) - 2
        assert file.read(100) == b"41"
        assert file.read(100) == b""
        file.seek(5)
        assert file.readline() == b"age\n"
        assert file.read() == TEXT[9:]
        file.seek(len(TEXT) + 5)
        assert file.read() == b""
        with pytest.raises(OSError, match="before the start"):
            file.seek(-1)
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read(1)
    assert file.open().read(4) == b"name"


def test_lines_and_chunks_cover_the_whole_file(bucket: Bucket) -> None:
    content = b"".join(b"%d;x\n" % number for number in range(400_000)) + b"end"
    row = store(bucket, content)
    assert len(content) > 3 * BLOCK

    with open_upload(row) as file:
        assert b"".join(file) == content
        assert b"".join(file.chunks()) == content
        file.open()
        rows = csv.reader((line.decode() for line in file), delimiter=";")
        assert next(rows) == ["0", "x"]
        assert sum(1 for _ in rows) == 400_000


def test_reads_request_ranges_of_the_verified_object(
    bucket: Bucket, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    row = store_zeros(bucket, 5 * MIB)
    calls.clear()

    with open_upload(row) as file:
        file.read(10)
        file.read(10)
        file.seek(-10, io.SEEK_END)
        file.read()
        file.seek(MIB)
        assert len(file.read(2 * MIB)) == 2 * MIB

    [head, *gets] = calls
    assert head[0] == "HeadObject"
    assert {operation for operation, _ in gets} == {"GetObject"}
    assert {parameters["IfMatch"] for _, parameters in gets} == {row.etag}
    assert [parameters["Range"] for _, parameters in gets] == [
        f"bytes=0-{BLOCK - 1}",
        f"bytes={5 * MIB - 10}-{5 * MIB - 1}",
        f"bytes={MIB}-{3 * MIB - 1}",
    ]


def test_read_without_a_size_refuses_a_large_file(
    bucket: Bucket, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    row = store_zeros(bucket, MAX_READ + 1)
    with open_upload(row) as file:
        calls.clear()
        for read in (file.read, lambda: file.read(None), lambda: file.read(10**15)):
            with pytest.raises(ValueError, match=r"16,777,217 bytes .* chunks\(\)"):
                read()
        with pytest.raises(io.UnsupportedOperation, match="with a for loop"):
            file.readlines()
        assert calls == []
        with pytest.raises(ValueError, match="line is longer than 1,048,576"):
            next(iter(file))
        assert len(calls) <= 2
        file.seek(1)
        assert len(file.read()) == MAX_READ


def test_line_of_the_maximum_length_is_read(bucket: Bucket) -> None:
    line = b"x" * (MAX_LINE - 1) + b"\n"

    with open_upload(store(bucket, line + b"y")) as file:
        assert list(file) == [line, b"y"]


def test_empty_file_needs_no_request(
    bucket: Bucket, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    row = store(bucket, b"")
    calls.clear()

    with open_upload(row) as file:
        assert (file.read(), file.read(5), list(file)) == (b"", b"", [])
    assert [operation for operation, _ in calls] == ["HeadObject"]


@pytest.mark.parametrize("state", [state for state in State if state != State.READY])
def test_only_ready_files_can_be_opened(bucket: Bucket, state: State) -> None:
    row = store(bucket, TEXT, state=state)

    with pytest.raises(InvalidState, match=f"Only ready files .* is {state}"):
        open_upload(row)


def test_missing_object_raises_file_not_found(bucket: Bucket) -> None:
    with pytest.raises(NotFound, match="no object"):
        open_upload(Row())


def test_missing_bucket_is_not_reported_as_a_missing_object(bucket: Bucket) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)

    with pytest.raises(StorageUnavailable):
        open_upload(Row())


def test_replaced_object_is_not_read(bucket: Bucket) -> None:
    row = store(bucket, bytes(3 * MIB))
    file = open_upload(row)
    file.read(1)
    store(bucket, b"x" * 3 * MIB)

    with pytest.raises(StorageUnavailable):
        file.read(2 * MIB)
    with pytest.raises(StorageUnavailable, match="replaced"):
        open_upload(row)


def test_answer_of_a_server_that_ignores_the_range_is_refused(bucket: Bucket) -> None:
    file = open_upload(store(bucket, TEXT))
    whole = {"Body": io.BytesIO(TEXT)}

    with (
        mock.patch.object(type(file.obj), "get", return_value=whole),
        pytest.raises(StorageUnavailable, match="requested bytes"),
    ):
        file.read(3)


def test_answer_of_a_server_that_ignores_the_condition_is_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = store(bucket, TEXT)
    file = open_upload(row)
    get, send = type(file.obj).get, ObjectRequests.send
    store(bucket, bytes(len(TEXT)))

    def get_without_condition(found: Any, **sent: Any) -> Any:
        del sent["IfMatch"]
        return get(found, **sent)

    monkeypatch.setattr(type(file.obj), "get", get_without_condition)

    def send_without_condition(
        requests: ObjectRequests, *arguments: Any, **sent: Any
    ) -> Any:
        sent["headers"].pop("if-match")
        return send(requests, *arguments, **sent)

    monkeypatch.setattr(ObjectRequests, "send", send_without_condition)

    with pytest.raises(StorageUnavailable):
        file.read(3)
    with pytest.raises(StorageUnavailable, match="replaced"):
        bucket.read_range(row.key, 0, 3, etag=row.etag)


def test_storage_refuses_to_write_delete_or_return_urls(bucket: Bucket) -> None:
    with open_upload(store(bucket, TEXT)) as file:
        for name, value in (("write", b"x"), ("writelines", [b"x"]), ("truncate", 0)):
            with pytest.raises(io.UnsupportedOperation):
                getattr(file, name)(value)
        with pytest.raises(ValueError, match="only be read"):
            file.open("wb")
        assert not hasattr(file, "url")
        storage: Any = file._storage
    assert isinstance(storage, UploadStorage)
    with pytest.raises(io.UnsupportedOperation):
        storage.save("a", io.BytesIO(b"x"))
    with pytest.raises(io.UnsupportedOperation):
        storage.delete("uploads/a")
    with pytest.raises(io.UnsupportedOperation):
        storage.url("uploads/a")
    for mode in ("rb", "wb"):
        with pytest.raises(io.UnsupportedOperation):
            storage.open("uploads/b", mode)
    assert [entry.key for entry in bucket.list_objects("")] == ["uploads/a"]


def test_worker_reads_and_requires_the_owner_of_the_bucket(
    bucket: Bucket, settings: Any, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    row = store(bucket, TEXT)
    calls.clear()
    settings.S3_EXPECTED_BUCKET_OWNER = "123456789012"

    with open_upload(row) as file:
        file.read(1)
        client = file.obj.meta.client

    assert [parameters["ExpectedBucketOwner"] for _, parameters in calls] == [
        "123456789012"
    ] * 2
    worker = settings.STORAGES["uploads"]["OPTIONS"]
    assert client._get_credentials().access_key == worker["access_key"]


def test_libraries_can_use_an_open_file(bucket: Bucket) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", bytes(2 * MIB))
        archive.comment = b"with a comment"

    with open_upload(store(bucket, packed.getvalue())) as file:
        assert zipfile.ZipFile(file).namelist() == ["a.txt"]
        assert len(zipfile.ZipFile(file).read("a.txt")) == 2 * MIB
        lines = io.TextIOWrapper(open_upload(store(bucket, TEXT)), "utf-8")
        assert lines.read() == TEXT.decode()
