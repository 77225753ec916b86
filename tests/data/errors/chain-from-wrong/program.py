raise ValueError("bad") from 3
