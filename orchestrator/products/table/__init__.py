"""The product `table`: a row for each place and image."""
