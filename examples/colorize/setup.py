"""The package: `pip install .` where coopkeras is installed."""

import setuptools

setuptools.setup(
    name="coopkeras-colorize",
    version="0.1.0",
    description="A task for coopkeras: paint a grey image",
    license="MIT",
    py_modules=["colorize"],
    install_requires=["coopkeras"],
    entry_points={"coopkeras.tasks": ["colorize = colorize:Colorize"]},
)
