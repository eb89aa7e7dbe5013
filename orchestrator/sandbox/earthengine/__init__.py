"""Earth Engine's REST API: discovery, algorithms, values, assets, exports, operations."""
