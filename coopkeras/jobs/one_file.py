"""One file, one command: what is asked is checked before anything is learned."""

import hashlib
import os
import pathlib

from coopkeras.errors import UserError
from coopkeras.jobs.workdir import Workdir

FINGERPRINTS = "file.json"


def prepare(cls, workdir, settings, flags, *, input_path, mask_path, output_path, able=()):
    """Return the task that learns from what is known of a file, and its workdir.

    Args:
        cls: the task's class.
        workdir: path of the run's folder; None is beside the output: out.inpaint for out.png.
        settings: list of "name=value".
        flags: dict of settings that have a flag of their own: data, the file, and seed.
        input_path: should be None.
        mask_path: of the mask, or None.
        output_path: where the completed file goes.
        able: names of the tasks that can do this.

    Raises:
        UserError: for any mistake in what was asked, also if the file or its mask is no longer
            the one that a workdir has learned from.
    """
    if not cls.completes:
        raise UserError(
            f"--task={cls.name} does not learn from a file to complete it, as --output=, --mask= "
            f"or --input= without --mode= ask; {', '.join(able) or 'no task'} does. Leave them out "
            f"to train, or give --mode=predict."
        )
    _check_flags(input_path, output_path, flags.get("data"), settings)
    data, output = pathlib.Path(flags["data"]), pathlib.Path(output_path)
    _check_writable(output, {"data": data, "mask": mask_path})
    seed = {"seed": flags.get("seed")}
    config = cls.config_of_file(data, mask_path, output, settings, **seed)
    workdir = Workdir(workdir or output.with_suffix(f".{cls.name}"))
    _remember(workdir, {"data": data, "mask": mask_path})
    return cls(config), workdir.path


def _check_flags(input_path, output_path, data, settings):
    if input_path:
        raise UserError(
            f"Without --mode= the file to complete is --data=; received --input={input_path}. Give "
            f"one of the two: --data= to learn from that file, --mode=predict to use a model."
        )
    if not output_path:
        raise UserError("To complete a file give --output= too, the path of the result.")
    for name in ("data", "mask"):
        if any(setting.startswith(f"{name}=") for setting in settings):
            raise UserError(f"Give the {name} as --{name}=; received --set={name}=.")
    if not data:
        raise UserError("To complete a file give --data= too, the path of that file.")
    if not pathlib.Path(data).is_file():
        raise UserError(
            f"--data={data} is no file; with --output= there is one file, which is completed. To "
            f"learn from several leave --output= out, then use --mode=predict."
        )


def _check_writable(output, sources):
    """Raise a UserError if the output can't be written, or is one of the files that are read."""
    for flag, source in sources.items():
        if source and output.exists() and output.samefile(source):
            raise UserError(f"--output={output} is the file of --{flag}; give it another name.")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"--output={output} can't be written; give a file in a folder of yours.")


def _remember(workdir, sources):
    """Write what the files are; refuse others than those that were learned from."""
    found = {
        name: hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() if path else None
        for name, path in sources.items()
    }
    before = workdir.read_json(FINGERPRINTS)
    for name in found if workdir.checkpoints() else ():
        if before.get(name) != found[name]:
            raise UserError(
                f"{workdir.path} has learned from other content of --{name}={sources[name]}; give "
                f"another --workdir, or delete that folder to learn again."
            )
    workdir.write_json(FINGERPRINTS, found)
