"""All pages. Each module holds the pages of one subject."""
