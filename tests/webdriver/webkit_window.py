#!/usr/bin/python3
"""A WebKitGTK window that WebKitWebDriver starts as its browser.

WebKitGTK's MiniBrowser keeps no data under automation, and WebKit then refuses to store
files in IndexedDB. This window keeps its data in the folder WEBKIT_DATA. Before the
scripts of each page, it runs the script WEBKIT_PRELOAD. It needs the system's Python,
which has the bindings to GTK.
"""

import os
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402  # after the versions

DATA = os.environ["WEBKIT_DATA"]
PRELOAD = Path(os.environ["WEBKIT_PRELOAD"]).read_text()

context = WebKit2.WebContext.new_with_website_data_manager(
    WebKit2.WebsiteDataManager(
        base_data_directory=DATA, base_cache_directory=f"{DATA}/cache"
    )
)
context.set_automation_allowed(True)
context.set_preferred_languages(["en-US"])


def web_view(session: Any) -> Any:
    """Open a window for the driver's session, and return its web view."""
    scripts = WebKit2.UserContentManager()
    scripts.add_script(
        WebKit2.UserScript(
            PRELOAD,
            WebKit2.UserContentInjectedFrames.ALL_FRAMES,
            WebKit2.UserScriptInjectionTime.START,
            None,
            None,
        )
    )
    view = WebKit2.WebView(
        web_context=context,
        user_content_manager=scripts,
        is_controlled_by_automation=True,
    )
    window = Gtk.Window()
    window.set_decorated(False)
    window.set_default_size(1280, 900)
    window.add(view)
    window.show_all()
    # Without a window manager, a resized window loses the focus. Then the CSS selector
    # :focus matches no element.
    GLib.timeout_add(200, lambda: window.is_active() or window.present() or True)
    view.connect("close", lambda _: window.destroy())
    return view


def started(_: Any, session: Any) -> None:
    """Tell the driver the name and version of this browser."""
    info = WebKit2.ApplicationInfo()
    info.set_name("MiniBrowser")
    version = (
        WebKit2.get_major_version(),
        WebKit2.get_minor_version(),
        WebKit2.get_micro_version(),
    )
    info.set_version(*version)
    session.set_application_info(info)
    session.connect("create-web-view", web_view)


context.connect("automation-started", started)
Gtk.main()
