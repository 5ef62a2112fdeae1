"""What the stand-in plugins share: how the engine starts one, the warm process behind it, and the words they speak."""
