"""The sandbox server's own Django app: models, rules, faults, API, control API and console."""
