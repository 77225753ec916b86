"""Online RLTF (arXiv 2307.04349): a trainer on what codefeedback says of sampled programs."""
