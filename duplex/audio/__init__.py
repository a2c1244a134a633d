"""Audio as arrays: frames, rings, resampling, levels, onsets, and recordings. Knows no transport and no session.

Everywhere: mono, int16, one-dimensional numpy arrays; the rate is said where it matters.
"""
