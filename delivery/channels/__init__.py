"""The roll of channels. Adding one is a file in this folder and a line here."""
