"""Sizes in templates: what people read where no script puts it into their language."""

from __future__ import annotations

from django import template

from uploads.text.sizes import in_words

register = template.Library()
register.filter(in_words)
