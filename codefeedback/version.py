"""The version of both packages; pyproject.toml has it, too."""

VERSION = "0.1.0"
