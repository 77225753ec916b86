"""Tests files of every public format, turned into problems."""
