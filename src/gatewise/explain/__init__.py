"""One record -> how the model read it, and which of its tokens the answer rests on."""
