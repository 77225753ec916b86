x: int: str = 3
