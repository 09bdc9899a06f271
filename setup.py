"""The package: `pip install .` for use, `pip install -e .[dev]` for work (`make test` does it).

The ranges say what the code is written for; constraints.txt is the exact set it was tested with.
"""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(  # read, not imported: importing would need what is about to be installed
    r'^__version__ = "([^"]+)"$', (ROOT / "coopkeras/__init__.py").read_text("utf-8"), re.MULTILINE
).group(1)

setuptools.setup(
    name="coopkeras",
    version=VERSION,
    description="Energy-based and latent-variable models that teach each other, for Keras 3",
    long_description=(ROOT / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    author="the coopkeras authors",
    license="MIT",
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    # Keras 3.15 needs 3.11; tensorflow-io 0.37 and NumPy 1.26 have no wheels after 3.12.
    python_requires=">=3.11,<3.13",
    packages=[*setuptools.find_packages(include=["coopkeras", "coopkeras.*"]), "coopkeras.tasks"],
    # tasks/ stands beside the library, and is installed inside it, where no tasks.py of a user's
    # own can shadow it.
    package_dir={"coopkeras": "coopkeras", "coopkeras.tasks": "tasks"},
    package_data={"coopkeras": ["py.typed"]},
    install_requires=[
        "absl-py>=2.1,<3",
        "av>=18,<19",
        "keras>=3.15,<3.16",
        "matplotlib>=3.9,<4",
        "numpy>=1.26.4,<2",
        "pillow>=11,<14",
        "scikit-image>=0.26,<0.27",
        "scipy>=1.11.4,<2",
        "setuptools<81",  # tensorboard 2.17 imports pkg_resources, which newer ones have dropped
        "soxr>=1,<2",
        "tensorboard>=2.17,<2.18",
        "tensorflow>=2.17.1,<2.18",  # the newest into which tensorflow-io's last release loads
        "tensorflow-io>=0.37.1,<0.38",
        "tensorflow-probability>=0.24,<0.25",
        "tensorflow-serving-api>=2.17.1,<2.18",
        "tf-keras>=2.17,<2.18",
        "wrapt>=1.16,<3",  # tells us when Keras is imported; TensorFlow needs it anyway
    ],
    extras_require={
        "dev": [
            "opencv-contrib-python-headless==4.11.0.86",  # `rivals` again, so that tests have them
            "pypatchmatch==2.2.0",
            "pytest>=8,<10",
            "pytest-xdist>=3.6,<4",
            "ruff>=0.17,<0.18",
        ],
        # What inpaint is compared with; the next opencv needs NumPy 2.
        "rivals": ["opencv-contrib-python-headless==4.11.0.86", "pypatchmatch==2.2.0"],
        "tfds": ["tensorflow-datasets>=4.9,<5"],
    },
    entry_points={
        "coopkeras.tasks": [
            "audio = coopkeras.tasks.audio:Audio",
            "inpaint = coopkeras.tasks.inpaint:Inpaint",
            "super_resolution = coopkeras.tasks.super_resolution:SuperResolution",
            "synthesis = coopkeras.tasks.synthesis:Synthesis",
            "video = coopkeras.tasks.video:Video",
        ],
    },
)
