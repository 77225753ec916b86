"""From traces and limits to findings."""
