"""Evaluation: scenarios, the drivers that replay them against an agent, metrics, reports."""
