"""Spoken questions whose answers stand in documents: CRAG's and plain ones, asked of an agent by a local voice."""
