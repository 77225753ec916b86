type A[*T: int] = list
