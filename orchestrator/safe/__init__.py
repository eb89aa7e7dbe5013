"""Products of Sentinel-2 as they are delivered: names, metadata, manifests, angles. Nothing is fetched here."""
