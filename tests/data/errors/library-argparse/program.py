import argparse

parser = argparse.ArgumentParser(prog="program")
parser.add_argument("name")
parser.parse_args()
