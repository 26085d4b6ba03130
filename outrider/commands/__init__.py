"""One file a subcommand. Each has `app`, a Typer application; `COMMANDS` of `outrider.main` names them all."""
