"""Thin adapters that put recognisers, machines, models and voices into the event graph.

A node moves events and runs work on a lane. What it must decide it asks a machine; what it must compute it asks an
engine of a leaf package.
"""
