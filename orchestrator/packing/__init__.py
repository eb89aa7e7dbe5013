"""Training sets: chips, labels and splits as files that others read, with what is known of them."""
