"""Postil, the mail server."""
