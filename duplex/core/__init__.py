"""The duplex core: a small model that hears both sides all the time and says, every 80 ms, what is going on.

`streams` is what goes in, `training` (with torch) makes the weights, `runtime` (without) runs them.
"""
