"""What the core hears, frame by frame: the layout, the features, the words, and dialogues to learn from."""
