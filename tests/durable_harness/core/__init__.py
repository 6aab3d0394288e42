"""What every part of the harness stands on: its errors and its virtual clock."""
