"""What the core learns from: texts, voices and rooms made here, laid out as dialogues with labels that are true."""
