"""``python -m codefeedback``."""

from codefeedback.cli import main

main()
