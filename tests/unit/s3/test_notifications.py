"""Test the parser with valid and invalid notifications of S3."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.s3.notifications import (
    CreatedObject,
    UnreadableNotification,
    parse_notification,
)

KEY = "uploads/ab/abcd"
OURS = [CreatedObject("slipway", KEY)]


def s3_event(key: str = KEY, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-west-1",
                "eventTime": "2026-11-21T08:00:00.000Z",
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": "slipway", "arn": "arn:aws:s3:::slipway"},
                    "object": {"key": key, "size": 5, "sequencer": "0055AED6DCD90281"},
                },
            }
        ]
    }


def minio_event(key: str) -> dict[str, Any]:
    event = s3_event(key, "s3:ObjectCreated:CompleteMultipartUpload")
    return {
        "EventName": "s3:ObjectCreated:CompleteMultipartUpload",
        "Key": f"slipway/{KEY}",
        **event,
    }


def event_bridge(key: str = KEY, kind: str = "Object Created") -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "resources": ["arn:aws:s3:::slipway"],
        "detail": {
            "version": "0",
            "bucket": {"name": "slipway"},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
            },
            "reason": "PutObject",
        },
    }


def sns_in_sqs(message: Any) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "da41e39f-ea4d-435a-b922-c6aae3915ebe",
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:uploads",
        "Subject": "Amazon S3 Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
    }


def sns_direct(message: Any) -> dict[str, Any]:
    sns = {"Subject": "Amazon S3 Notification", "Message": json.dumps(message)}
    return {"Records": [{"EventSource": "aws:sns", "Sns": sns}]}


def r2_event(action: str = "PutObject") -> dict[str, Any]:
    return {
        "account": "3f4b7e3dcab231cbfdaa90a6a28bd548",
        "action": action,
        "bucket": "slipway",
        "object": {"key": KEY, "size": 5, "eTag": "c846ff7a18f28c2e262116d6e8719ef0"},
        "eventTime": "2026-11-21T08:00:00.000Z",
    }


def filer_event(path: str = f"/buckets/slipway/{KEY}", kind: str = "create") -> Any:
    return {"key": path, "event_type": kind, "message": {"new_entry": {"name": "x"}}}


@pytest.mark.parametrize(
    "message",
    [
        s3_event(),
        s3_event(name="ObjectCreated:Post"),
        s3_event(name="ObjectCreated:CompleteMultipartUpload"),
        s3_event(name="s3:ObjectCreated:Put"),
        minio_event("uploads%2Fab%2Fabcd"),
        event_bridge(),
        sns_in_sqs(s3_event()),
        sns_in_sqs(event_bridge()),
        sns_in_sqs(sns_in_sqs(s3_event())),
        sns_direct(s3_event()),
        r2_event(),
        r2_event("CompleteMultipartUpload"),
        filer_event(),
        filer_event(kind="update"),
    ],
)
def test_notification_of_each_format_is_parsed(message: Any) -> None:
    assert parse_notification(json.dumps(message)) == OURS
    assert parse_notification(json.dumps(message).encode()) == OURS


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("%C3%A4.txt", "ä.txt"),
        ("100%25+sure%3F", "100% sure?"),
        ("50%", "50%"),
        ("%FF", "\ufffd"),
    ],
)
def test_keys_in_s3_events_are_url_decoded(encoded: str, key: str) -> None:
    [created] = parse_notification(json.dumps(s3_event(encoded)))

    assert created.key == key


@pytest.mark.parametrize("key", ["a+b", "a%2Bb", "a b"])
def test_keys_of_event_bridge_are_not_decoded(key: str) -> None:
    [created] = parse_notification(json.dumps(event_bridge(key)))

    assert created.key == key


def test_many_records_keep_their_order() -> None:
    keys = [f"uploads/{number}" for number in range(1000)]
    records = [s3_event(key)["Records"][0] for key in keys]

    found = parse_notification(json.dumps({"Records": records}))

    assert [created.key for created in found] == keys


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "slipway"},
        sns_in_sqs({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
        s3_event(name="ObjectRemoved:Delete"),
        s3_event(name="ObjectTagging:Put"),
        s3_event(name="LifecycleExpiration:Delete"),
        event_bridge(kind="Object Deleted"),
        r2_event("DeleteObject"),
        filer_event(kind="delete"),
        filer_event(kind="rename"),
        filer_event("/buckets/slipway"),
        filer_event("/topics/.system/x/y"),
        {"Records": []},
        {"Records": None},
    ],
)
def test_event_without_a_created_object_gives_an_empty_list(message: Any) -> None:
    assert parse_notification(json.dumps(message)) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        b"\xff\xfe",
        "null",
        "[]",
        "7",
        '"text"',
        "{}",
        '{"Records": 7}',
        '{"Records": [null]}',
        '{"Records": {"a": 1}}',
        '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        '{"Records": [{"eventName": ["ObjectCreated:"], "s3": 1}]}',
        json.dumps(s3_event(key=None)),  # type: ignore[arg-type]
        json.dumps(event_bridge(key=5)),  # type: ignore[arg-type]
        json.dumps({**r2_event(), "bucket": 5}),
        json.dumps({**r2_event(), "action": []}),
        json.dumps(sns_in_sqs("not json")),
        json.dumps({**sns_in_sqs(""), "Message": {}}),
        json.dumps({"Type": "SubscriptionConfirmation", "SubscribeURL": "https://x"}),
        "[" * 100_000,
        '{"Records":' * 50_000,
        "9" * 10_000,
    ],
)
def test_unreadable_notification_raises(body: str | bytes) -> None:
    with pytest.raises(UnreadableNotification):
        parse_notification(body)


def test_deeply_nested_envelopes_are_refused() -> None:
    message: Any = s3_event()
    for _ in range(5):
        message = sns_in_sqs(message)

    with pytest.raises(UnreadableNotification, match="nested more than 3 levels"):
        parse_notification(json.dumps(message))


def test_megabyte_of_events_is_parsed() -> None:
    records = s3_event()["Records"] * 4000
    body = json.dumps({"Records": records})

    assert len(body) > 1024 * 1024
    assert len(parse_notification(body)) == 4000


WORDS = st.sampled_from(
    [
        "Records", "s3", "bucket", "object", "key", "name", "eventName", "Sns",
        "ObjectCreated:Put", "Object Created", "detail", "detail-type", "action",
        "PutObject", "event_type", "create", "Type", "Notification", "Message",
        "/buckets/a/b", "Event",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5)
        | inner.map(json.dumps)
    ),
    max_leaves=20,
)


@given(st.binary() | st.text() | VALUES.map(json.dumps))
def test_random_input_raises_only_unreadable_notification(body: str | bytes) -> None:
    try:
        found = parse_notification(body)
    except UnreadableNotification:
        return
    assert all(type(created.key) is type(created.bucket) is str for created in found)


@given(st.sampled_from([s3_event, event_bridge, r2_event, filer_event]), st.data())
def test_notification_with_one_replaced_value_is_parsed_or_refused(
    shape: Any, data: st.DataObject
) -> None:
    message = shape()
    node = message
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        at = data.draw(st.sampled_from(list(keys)))
        if not isinstance(node[at], (dict, list)) or data.draw(st.booleans()):
            break
        node = node[at]
        if not node:
            return
    node[at] = data.draw(VALUES)

    with suppress(UnreadableNotification):
        assert len(parse_notification(json.dumps(message))) <= 1
