"""Recoveries of clips: their windows, sheets and files."""

import numpy as np
from absl import logging

from coopkeras import data, images, video
from coopkeras.recipes.holes import HolesRecovery

SHEET_FRAMES = 8  # of a clip, in a contact sheet
MOVING = ("seen", "estimate", "linear in time", "truth")  # shown moving, where they are drawn


class ClipRecovery(HolesRecovery):
    """A recovery of what is hidden of clips of one scene, learned from windows of one clip.

    Its Config has `frames`, `scale`, `judged`, `mirror`, `missing` and `frame_rate`, as
    --task=video has them.
    """

    DRAWS, SHOWN, PATCH = 2, (1, 1), 5
    HOLES = video.holes

    def examples(self):
        """Return windows of a clip, and of its held-out part."""
        config = self.config
        split = data.video.split(
            config.data,
            frames=config.frames,
            size=config.size,
            scale=config.scale,
            channels=config.channels or None,
            held_out=config.held_out or None,
        )
        train = split.train.mirror() if config.mirror else split.train
        return data.Split(train, split.held_out.take(config.judged, seed=0))

    def sheets(self, name, rows):
        """Return a contact sheet, the frames of a clip a row, and the clips moving."""
        rows = {key: np.clip(clips[0], -1, 1) for key, clips in rows.items()}
        kept = {key: rows[key] for key in MOVING if key in rows}
        return {name: frames_sheet(rows)} | moving(kept, self.config.frame_rate, f"{name}: ")

    def outputs(self, output_path):
        """Return where the results go, numbered if there are several."""
        return outputs(output_path, self.config.samples)

    def open(self, input_path, mask_path, shape):
        """Return a clip and what of it is visible; white in the mask = fill."""
        del shape
        return video.repair.open_clip(input_path, mask_path, self.config.missing)

    def recover_file(self, given, recover, shape, path):
        """Fill what is hidden; known pixels keep their bytes, which .mkv and frames hold."""
        (clip, visible), scale = given, self.config.scale
        side = round(shape[1] / scale) if scale else min(clip.pixels.shape[1:3])
        if video.is_lossy(path, clip.pixels.shape[-1]):
            logging.warning(
                "%s is lossy: known pixels will change a little; .mkv and a folder of frames "
                "keep them.",
                path,
            )

        def fill(x, visible, numbers):
            return recover(x, numbers, visible=visible)

        filled = video.repair.fill(clip.pixels, visible, fill, shape, side)
        video.write(path, filled, clip.rate)


def outputs(output_path, count):
    """Return where `count` clips go, numbered if there are several, after a check of each path."""
    paths = images.numbered(output_path, count)
    for path in paths:
        video.check_output(path)
    return paths


def frames_sheet(rows):
    """Return a contact sheet of clips by name, some frames of each a row."""
    strips = {name: video.spread(clip, SHEET_FRAMES) for name, clip in rows.items()}
    return images.Image(images.gallery(strips))


def moving(rows, rate, prefix=""):
    """Return one clip that shows clips side by side, by a caption that names them.

    Args:
        rows: dict from a name to `[time, height, width, channels]` in [-1, 1].
        rate: frames a second.
        prefix: of the caption.
    """
    together = zip(*map(images.to_uint8, rows.values()), strict=True)
    frames = [images.grid(np.stack(frame), columns=len(frame)) for frame in together]
    return {prefix + ", ".join(rows): video.Clip(np.stack(frames), rate)}
