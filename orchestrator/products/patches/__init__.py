"""The product `patches`."""
