"""The likelihood of a workspace: read, evaluated by compiled code, maximised."""
