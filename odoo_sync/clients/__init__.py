"""Odoo over the wire: values in, values out; knows no database of ours."""
