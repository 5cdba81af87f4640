"""HEPData: tables, submissions and their reader."""
