"""`python -m rltf_train`, for launchers that start modules (torchrun)."""

from rltf_train.cli import main

main(prog_name="rltf-train")
