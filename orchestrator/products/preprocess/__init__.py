"""The product `preprocess`."""
