from dataclasses import dataclass


@dataclass
class A:
    x: int

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("negative")


A(-1)
