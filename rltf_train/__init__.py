"""Online RLTF training on codefeedback's spans. The trainer comes with a later release."""
