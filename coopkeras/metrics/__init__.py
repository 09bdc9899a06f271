"""Metrics: how near results are to the truth, and sets of results to real data."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "similarity": ("diversity", "error", "luma", "psnr", "ssim"),
        "distances": ("frechet_distance", "kernel_distance", "sliced_wasserstein"),
        "features": (),
        "audio": (),
        "video": (),
        "rows": ("of_recovery", "of_synthesis"),
    },
)
