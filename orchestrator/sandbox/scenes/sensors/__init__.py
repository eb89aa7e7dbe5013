"""The invented Earth as other instruments see it: a file for each family of collections."""
