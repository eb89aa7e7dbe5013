"""The Copernicus Data Space: catalogue, tokens, files."""
