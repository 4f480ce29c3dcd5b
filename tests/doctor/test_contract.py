"""Promises that a provider or a proxy breaks. The doctor reports each cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor.conftest import MakeProxy, Site
from tests.doctor.proxy import Reply, Request, replaced, s3_error
from uploads.doctor.results import Status
from uploads.s3.bucket import get_bucket

Before = Callable[[Request], Reply | None]


def only_problem(site: Site) -> Any:
    """Return the only finding. Fails if there are more findings."""
    found = site.problems("contract")
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def has(request: Request, name: str) -> bool:
    return any(known.lower() == name for known, _ in request.headers)


def put_without(name: str, reply: Reply) -> Before:
    """Return a hook that refuses each PUT that lacks the header, as a policy may do."""

    def before(request: Request) -> Reply | None:
        is_missing = request.method == "PUT" and not has(request, name)
        return reply if is_missing else None

    return before


def put_with(name: str, reply: Reply) -> Before:
    """Return a hook that refuses each PUT with the header, as some providers do."""

    def before(request: Request) -> Reply | None:
        is_there = request.method == "PUT" and has(request, name)
        return reply if is_there else None

    return before


def test_signed_header_removed_by_a_proxy_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def drop(request: Request) -> None:
        request.headers = replaced(request.headers, "x-amz-checksum-sha256", None)

    site.behind(proxied(before=drop))

    found = only_problem(site)

    assert found.name == "contract.put.right.header_changed"
    assert "x-amz-checksum-sha256" in found.fact
    assert "ignore_invalid_headers off" in found.fix


def test_body_limit_of_a_proxy_is_reported(site: Site, proxied: MakeProxy) -> None:
    site.behind(proxied(max_body=1024 * 1024))

    found = only_problem(site)

    assert found.name == "contract.put.body_limit"
    assert "413" in found.fact
    assert "client_max_body_size" in found.fix


def test_bucket_policy_that_requires_an_encryption_header_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    denied = s3_error(403, "AccessDenied", "explicit deny in a resource-based policy")
    site.behind(proxied(before=put_without("x-amz-server-side-encryption", denied)))

    found = only_problem(site)

    assert found.name == "contract.put.right.encryption_demanded"
    assert "default encryption" in found.fix


def test_kms_key_that_the_signer_may_not_use_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    message = (
        "User: arn:aws:iam::123456789012:user/signer is not authorized to perform: "
        "kms:GenerateDataKey on this resource"
    )
    denied = s3_error(403, "AccessDenied", message)
    site.behind(
        proxied(before=lambda request: denied if request.method == "PUT" else None)
    )

    found = only_problem(site)

    assert found.name == "contract.put.right.kms"
    assert "kms:GenerateDataKey" in found.fix


def test_provider_that_refuses_if_none_match_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    unknown = s3_error(501, "NotImplemented", "A header implies functionality")
    site.behind(proxied(before=put_with("if-none-match", unknown)))

    found = only_problem(site)

    assert found.name == "contract.put.right.condition_unknown"


def test_provider_that_ignores_if_none_match_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def ignore(request: Request, reply: Reply) -> Reply:
        is_refused = request.method == "PUT" and reply.status == 412
        return Reply(200) if is_refused else reply

    site.behind(proxied(after=ignore))

    found = only_problem(site)

    assert found.name == "contract.put.second_use"
    assert "silently overwrites" in found.consequence


def test_provider_that_does_not_compare_checksums_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def ignore(request: Request, reply: Reply) -> Reply:
        return Reply(200) if b"BadDigest" in reply.body else reply

    site.behind(proxied(after=ignore))

    found = site.problems("contract")

    assert set(found) == {"contract.put.other_bytes", "contract.multipart.other_bytes"}


def test_signer_without_put_permission_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    denied = s3_error(403, "AccessDenied", "Access Denied")
    site.behind(
        proxied(before=lambda request: denied if request.method == "PUT" else None)
    )

    found = only_problem(site)

    assert found.name == "contract.put.right.refused"
    assert "s3:PutObject" in found.fix


def test_different_buckets_of_signer_and_worker_are_reported(site: Site) -> None:
    client = get_bucket().client
    client.create_bucket(Bucket="slipway-other")
    site.use(bucket_name="slipway-other")
    site.use(alias="uploads_signer", bucket_name="slipway")

    found = only_problem(site)

    assert found.name == "contract.put.right.elsewhere"
    assert "same bucket" in found.fix
    client.delete_bucket(Bucket="slipway-other")


def test_provider_without_post_gets_only_a_note(site: Site, proxied: MakeProxy) -> None:
    unknown = s3_error(501, "NotImplemented", "POST is not implemented")
    site.behind(
        proxied(before=lambda request: unknown if request.method == "POST" else None)
    )

    found = {f.name: f for f in site.findings("contract")}

    assert found["contract.post.right"].status == "NOTE"
    assert site.problems("contract") == {}


def test_probe_objects_are_deleted(site: Site) -> None:
    bucket = get_bucket()

    def left() -> list[str]:
        objects = [entry.key for entry in bucket.list_objects("uploads/doctor/")]
        uploads = bucket.list_multipart_uploads("uploads/doctor/")
        return objects + [entry.key for entry in uploads]

    before = left()

    site.findings("contract")

    assert left() == before


def second_use_of_a_form(site: Site) -> Any:
    name = "contract.post.second_use"
    [found] = [each for each in site.findings("contract") if each.name == name]
    return found


def test_form_that_is_sent_twice_keeps_the_etag(site: Site) -> None:
    assert second_use_of_a_form(site).status == Status.OK


@pytest.mark.parametrize("name", ["ETag", "x-amz-version-id"])
def test_form_that_replaces_the_object_with_another_one_is_reported(
    site: Site, proxied: MakeProxy, name: str
) -> None:
    """A bucket with KMS changes the ETag, and a bucket with versions the version."""
    forms = 0

    def after(request: Request, reply: Reply) -> Reply:
        nonlocal forms
        forms += request.method == "POST"
        if request.method == "HEAD":
            reply.headers = replaced(reply.headers, name, f'"{forms}"')
        return reply

    site.behind(proxied(after=after), browsers_only=False)

    found = second_use_of_a_form(site)

    assert (found.status, found.fact) == (
        Status.NOTE,
        "The object has another ETag or version.",
    )
