"""Metrics: how near results are to the truth, and sets of results to real data."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "similarity": ("diversity", "error", "luma", "psnr", "ssim"),
        "distances": ("frechet_distance", "kernel_distance", "sliced_wasserstein"),
        "scores": (
            "coverage",
            "crps",
            "energy_score",
            "energy_score_differences",
            "expected_coverage",
            "patch_distance",
            "spread_skill",
        ),
        "features": (),
        "audio": (),
        "video": (),
        "rows": ("of_draws", "of_recovery", "of_synthesis"),
    },
)
