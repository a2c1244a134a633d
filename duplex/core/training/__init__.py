"""Making the core's weights: model, data, loop, export. Needs torch (`pip install 'duplex-voice[train]'`)."""
