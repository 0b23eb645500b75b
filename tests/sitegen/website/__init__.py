"""The generator of the website."""
