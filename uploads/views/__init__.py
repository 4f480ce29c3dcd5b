"""All pages. Each module contains the pages of one subject."""
