"""The page works in browsers whose services never answer, throw or are missing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from tests.browser.factors import log_out
from tests.browser.files import make_upload, payload, uploads_of
from tests.browser.upload_page import UploadPage
from uploads.states import State

CHECKSUM = "A" * 43 + "="
SERVICE_TIMEOUT_MS = 20_000
"""The limit in milliseconds for a page that waits for a broken service."""

REPORT_OFFLINE = (
    'Object.defineProperty(Navigator.prototype, "onLine", { get: () => false });'
)

# Functions that replace a method of a service.
FAULTS = {
    "never answers": "() => new Promise(() => {})",
    "throws": '() => { throw new DOMException("Not here.", "SecurityError"); }',
}
METHODS = {
    "IndexedDB": "IDBFactory.prototype.open",
    "locks": "LockManager.prototype.request",
    "the list of locks": "LockManager.prototype.query",
    "workers": "Worker.prototype.postMessage",
    "hashes": "SubtleCrypto.prototype.digest",
    "wake locks": "WakeLock.prototype.request",
    "channels": "BroadcastChannel.prototype.postMessage",
    "the clipboard": "Clipboard.prototype.writeText",
    "writing to the local storage": "Storage.prototype.setItem",
    "reading of the local storage": "Storage.prototype.getItem",
}
MISSING = """
for (const name of ["locks", "wakeLock", "clipboard", "storage", "permissions"]) {
  Object.defineProperty(Navigator.prototype, name, { get: () => undefined });
}
for (const name of ["indexedDB", "BroadcastChannel", "Worker", "localStorage"]) delete globalThis[name];
Object.defineProperty(globalThis, "indexedDB", { get: () => undefined });
Object.defineProperty(Crypto.prototype, "subtle", { get: () => undefined });
"""

REFUSED = """
const refuse = () => { throw new DOMException("Not here.", "SecurityError"); };
for (const name of ["locks", "wakeLock", "clipboard", "storage", "permissions"]) {
  Object.defineProperty(Navigator.prototype, name, { get: refuse });
}
for (const name of ["indexedDB", "localStorage", "sessionStorage"]) {
  Object.defineProperty(globalThis, name, { get: refuse });
}
globalThis.BroadcastChannel = class { constructor() { refuse(); } };
globalThis.Worker = class { constructor() { refuse(); } };
"""
LATE = """
const late = 7000;
const open = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...args) {
  const request = open.apply(this, args);
  Object.defineProperty(request, "onsuccess", {
    set: (handler) => request.addEventListener("success", () => setTimeout(handler, late)),
  });
  return request;
};
for (const name of ["request", "query"]) {
  const original = LockManager.prototype[name];
  LockManager.prototype[name] = async function (...args) {
    await new Promise((resolve) => setTimeout(resolve, late));
    return original.apply(this, args);
  };
}
"""


def broken(words: str, services: list[str]) -> str:
    """Return the script that breaks these services in the given way."""
    lines = (
        f"if (typeof {METHODS[name].split('.')[0]} !== 'undefined')"
        f" {METHODS[name]} = {FAULTS[words]};"
        for name in services
    )
    return "\n".join(lines)


CASES = {
    "all never answer": broken("never answers", list(METHODS)),
    "all throw": broken("throws", list(METHODS)),
    "all are missing": MISSING,
    "all are refused": REFUSED,
    "IndexedDB and locks answer late": LATE,
    "IndexedDB never answers": broken("never answers", ["IndexedDB"]),
    "locks never answer": broken("never answers", ["locks"]),
}


@pytest.mark.parametrize("case", CASES)
def test_page_sends_files_and_logs_out_when_services_fail(
    signed_in: Page, person: User, case: str
) -> None:
    make_upload(
        person,
        filename="left.bin",
        state=State.PENDING,
        expires_at=timezone.now() + timedelta(days=1),
        completed_at=None,
    )
    signed_in.add_init_script(CASES[case])
    page = UploadPage(signed_in)
    page.open()

    left = page.unfinished.get_by_text("left.bin").first
    expect(left).to_be_visible(timeout=SERVICE_TIMEOUT_MS)
    page.upload(payload("small.txt", b"small"))
    assert uploads_of(person)["small.txt"].state == State.READY
    expect(page.row("small.txt")).to_be_visible()
    log_out(signed_in, person)


def test_list_and_uploads_work_when_the_browser_reports_offline(
    signed_in: Page, person: User
) -> None:
    make_upload(person, filename="there.pdf")
    signed_in.add_init_script(REPORT_OFFLINE)
    page = UploadPage(signed_in)

    page.open()

    page.expect_names("there.pdf")
    page.upload(payload("small.txt", b"small"), payload("other.txt", b"other"))
    expect(page.row("other.txt")).to_be_visible()


def test_upload_continues_when_the_network_returns_without_an_event(
    signed_in: Page, person: User
) -> None:
    signed_in.add_init_script(REPORT_OFFLINE)
    page = UploadPage(signed_in)
    page.open()
    everything = re.compile("/api/v1/uploads|uploads/")
    failures: list[str] = []

    def cut(route: Route) -> None:
        failures.append(route.request.url)
        route.abort("internetdisconnected")

    signed_in.route(everything, cut)
    page.choose(payload("small.txt", b"small"))
    page.start()
    expect(page.heading("No network")).to_be_visible()
    page.wait_until(lambda: len(failures) >= 3)
    signed_in.unroute(everything)

    page.wait_until_uploaded(1)
    assert uploads_of(person)["small.txt"].state == State.READY


def test_text_is_selected_when_the_clipboard_refuses_the_text(
    signed_in: Page, person: User
) -> None:
    upload = make_upload(person, checksum_sha256=CHECKSUM)
    signed_in.add_init_script(broken("throws", ["the clipboard"]))
    signed_in.goto(f"/uploads/{upload.pk}/")
    button = signed_in.get_by_role("button", name="Copy the checksum")
    checksum = signed_in.locator("#checksum").text_content()

    button.click()

    words = re.compile("Press Ctrl")
    expect(signed_in.get_by_role("button", name=words)).to_be_visible()
    assert signed_in.evaluate("String(getSelection())") == checksum
    expect(button).to_be_visible()


def test_second_click_on_copy_restores_the_label(signed_in: Page, person: User) -> None:
    upload = make_upload(person, checksum_sha256=CHECKSUM)
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    signed_in.goto(f"/uploads/{upload.pk}/")
    button = signed_in.get_by_role("button", name="Copy the checksum")
    checksum = signed_in.locator("#checksum").text_content()

    button.click()
    copied = signed_in.get_by_role("button", name="Copied")
    expect(copied).to_be_visible()
    signed_in.wait_for_timeout(500)
    copied.click()

    expect(copied).to_be_visible()
    expect(button).to_be_visible()
    assert signed_in.evaluate("navigator.clipboard.readText()") == checksum
