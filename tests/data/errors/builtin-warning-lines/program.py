import warnings

warnings.simplefilter("error")
warnings.warn(
    "old",
    UserWarning,
)
