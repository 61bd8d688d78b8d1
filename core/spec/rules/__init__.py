"""The cleaning rules that can be asked for, one family a module; core.spec.corpus lists them all."""
