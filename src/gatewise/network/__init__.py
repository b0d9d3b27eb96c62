"""The LSTM network and its training; knows nothing of texts."""
