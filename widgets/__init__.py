"""Views that know no page: a value in, an intent out."""
