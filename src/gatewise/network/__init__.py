"""The LSTM network and its training; knows nothing of texts."""

import os

# oneDNN, which torch multiplies with, keeps a compiled kernel for each shape of batch, 1,024 of
# them by itself: 0.2 to 0.5 GB more, and no faster. With 64 training takes 6 % longer. It has no
# call for that, and reads the variable at its first product.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
