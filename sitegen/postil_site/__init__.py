"""The literate platform: code and RFC side by side."""
