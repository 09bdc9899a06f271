"""A test file of plain pytest functions as a Bazel test."""

load("@pypi//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", _py_test = "py_test")

def py_test(name, srcs, deps = [], data = [], size = "large"):
    """Runs pytest on `srcs`; run as a script, such a file would pass without a test run.

    Args:
      name: name of the target.
      srcs: the test file.
      deps: what the test file imports.
      data: what the test file reads.
      size: Bazel's word for the time limit.
    """
    _py_test(
        name = name,
        size = size,
        srcs = srcs + ["//bazel:run_pytest.py"],
        main = "//bazel:run_pytest.py",
        args = ["$(location %s)" % src for src in srcs],
        data = data + ["pyproject.toml"],
        deps = depset([":conftest", requirement("pytest")] + deps).to_list(),
    )
