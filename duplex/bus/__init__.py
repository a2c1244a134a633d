"""Sessions on an MQTT broker: what happens goes out, control comes in."""
