"""A local i'mport (PortOne V1) API server for development and tests."""
