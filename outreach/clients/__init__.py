"""Mail providers over the wire: values in, dataclasses out, no database."""
