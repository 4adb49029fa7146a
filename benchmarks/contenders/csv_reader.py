"""The floor: ``csv.reader`` alone, nothing made of the rows. Run: ``csv_reader.py IN OUT``."""

import csv
import sys

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    for _row in csv.reader(file):
        pass
