"""People's accounts: django-allauth, with what is the house's own about it."""
