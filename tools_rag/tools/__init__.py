"""Tools that an agent may use: HTTP APIs, MCP servers and Python functions behind one protocol."""
