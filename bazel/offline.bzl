"""Stand-ins for @rules_python and @pypi where nothing can be downloaded (see WORKSPACE)."""

_RULES = """
py_binary = native.py_binary
py_library = native.py_library
py_test = native.py_test
"""

_REQUIREMENTS = """
def requirement(name):
    return "@pypi//:" + name.lower().replace("-", "_")
"""

def _native_python_rules(repository):
    repository.file("BUILD")
    repository.file("python/BUILD")
    repository.file("python/defs.bzl", _RULES)

native_python_rules = repository_rule(
    implementation = _native_python_rules,
    doc = "Gives the rules that old Bazels have built in the address that rules_python has.",
)

def _installed_packages(repository):
    lines = repository.read(repository.attr.constraints).split("\n")
    names = [line.split("==")[0].lower().replace("-", "_") for line in lines if "==" in line]
    libraries = ['py_library(name = "%s")' % name for name in names]
    repository.file("requirements.bzl", _REQUIREMENTS)
    repository.file("BUILD", "\n".join(['package(default_visibility = ["//visibility:public"])'] + libraries))

installed_packages = repository_rule(
    implementation = _installed_packages,
    attrs = {"constraints": attr.label(allow_single_file = True)},
    doc = "Names the packages of constraints.txt, which the Python that runs has installed.",
)
