"""Run pytest as Bazel wants a test to be run: a script whose exit code says how it went."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-c", "pyproject.toml", *sys.argv[1:]]))
