"""Each dropped file is in the list, or named with a reason.

The tests drop stubs of the browser's entries, because WebDriver cannot drop files.
"""

from __future__ import annotations

from django.contrib.auth.models import User

from tests.webdriver.stored import ready_paths
from tests.webdriver.upload_page import NOTICES, UNREADABLE, Tree, UploadPage


def test_unreadable_file_of_a_stubbed_folder_is_named_and_14_are_taken(
    upload_page: UploadPage, person: User
) -> None:
    files: dict[str, str | Tree | None] = {
        f"b{number}.txt": str(number) for number in range(15)
    }
    files["b2.txt"] = None

    upload_page.drop({"harbour": files})
    upload_page.window.wait_for_text(
        NOTICES, "14 files added; 1 could not be read: b2.txt"
    )
    upload_page.wait_until_chosen(14)
    upload_page.start()
    upload_page.wait_until_uploaded(14)

    del files["b2.txt"]
    assert ready_paths(person) == sorted(f"harbour/{name}" for name in files)


def test_unlistable_subfolder_is_named_and_neighbouring_files_are_taken(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.drop(
        {"r": {"locked": UNREADABLE, "open": {"a.txt": "a"}, "b.txt": "b"}}
    )
    upload_page.window.wait_for_text(
        NOTICES, "2 files added; 1 could not be read: locked/"
    )
    upload_page.wait_until_chosen(2)
    upload_page.start()
    upload_page.wait_until_uploaded(2)

    assert ready_paths(person) == ["r/b.txt", "r/open/a.txt"]


def test_names_that_differ_only_in_case_in_a_stubbed_folder_are_all_taken(
    upload_page: UploadPage, person: User
) -> None:
    # All files have the same size and time.
    upload_page.drop(
        {
            "r": {
                "README.txt": "1",
                "readme.txt": "2",
                "A": {"x.txt": "3"},
                "a": {"x.txt": "4"},
            }
        }
    )
    upload_page.wait_until_chosen(4)
    upload_page.start()
    upload_page.wait_until_uploaded(4)

    assert ready_paths(person) == sorted(
        ["r/A/x.txt", "r/README.txt", "r/a/x.txt", "r/readme.txt"]
    )


def test_stubbed_empty_folder_is_named(upload_page: UploadPage) -> None:
    upload_page.drop({"nothing": {}})

    upload_page.window.wait_for_text(NOTICES, "This folder is empty.")
    assert not upload_page.window.has_button("Upload .*")


def test_two_pasted_files_with_one_name_are_both_taken(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.paste(("image.png", "one"), ("image.png", "two"))
    upload_page.wait_until_chosen(2)
    upload_page.start()
    upload_page.wait_until_uploaded(2)

    assert person.uploads.filter(filename="image.png").count() == 2
