"""Full-duplex spoken-dialogue agents."""
