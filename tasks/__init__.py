"""The built-in tasks, one final class a file; installed as `coopkeras.tasks`."""
