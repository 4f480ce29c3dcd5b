"""In Firefox, small files also leave by forms without preflights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from django.contrib.auth.models import User

from tests.browser.files import random_file, uploads_of
from tests.support.forms_site import FormsSite
from tests.webdriver.firefox import FirefoxWindow
from tests.webdriver.upload_page import UploadPage
from uploads.s3.bucket import get_bucket


def test_small_files_leave_by_forms_without_preflights(
    window: FirefoxWindow, forms: FormsSite, person: User, tmp_path: Path
) -> None:
    window.sign_in(person, forms.url)
    upload_page = UploadPage(window, forms.url)
    upload_page.wait_for_list()
    files = [random_file(tmp_path, f"{n}.bin", n * 1000) for n in range(30)]

    upload_page.choose(*files)
    upload_page.start()
    upload_page.wait_until_uploaded(30)

    assert Counter(forms.methods) == {"POST": 30}
    uploads = uploads_of(person)
    for file in files:
        stored = get_bucket().read_range(uploads[file.name].key, 0, 100_000)
        assert stored == file.read_bytes()
