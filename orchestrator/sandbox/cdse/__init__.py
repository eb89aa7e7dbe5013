"""The Copernicus Data Space on loopback: identity, catalogue, nodes and downloads of Sentinel-2 products."""
