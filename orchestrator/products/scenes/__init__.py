"""The product `scenes`."""
