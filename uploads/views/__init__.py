"""All pages; each module holds the pages of one subject."""
