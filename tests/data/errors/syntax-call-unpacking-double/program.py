print(* *[1])
