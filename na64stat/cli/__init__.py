"""The command line: one thin command per verb. Heavy imports stand inside the commands, so that `--help` is quick."""
