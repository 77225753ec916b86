print(f"\N{NOTHING HERE}")
